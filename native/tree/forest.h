// The token tree: every distinct (prefix, token) of a batch exactly once.
//
// All prompts and completions of a batch live in one trie, so a prefix that two completions,
// or two prompts, have in common is one run of nodes. Nothing here computes anything: it says
// which tokens exist and who sees whom.
#pragma once
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

namespace grpo {

using Tokens = std::vector<int64_t>;

// A run of nodes that one sequence brought first: `count` nodes from `first`, at the end of
// `path` (all nodes from the root, the new ones last). Every node is in exactly one segment.
struct Segment {
  int64_t first;
  int64_t count;
  std::vector<int64_t> path;
};

class Forest {
 public:
  static constexpr int64_t kRoot = -1;

  // Appends a sequence below `parent`; returns the node of each of its tokens.
  std::vector<int64_t> insert(int64_t parent, const Tokens& tokens);
  // The child of `parent` that holds `token`, new or not.
  int64_t child(int64_t parent, int64_t token);

  int64_t size() const { return static_cast<int64_t>(token_.size()); }
  int64_t token(int64_t node) const { return token_[node]; }
  int64_t parent(int64_t node) const { return parent_[node]; }
  int64_t position(int64_t node) const { return position_[node]; }
  // Nodes from the root to `node`, both included.
  std::vector<int64_t> path(int64_t node) const;
  // The segments since the last call: what a forward over the nodes since then is laid out by.
  std::vector<Segment> take_segments() { return std::exchange(segments_, {}); }

 private:
  std::vector<int64_t> token_, parent_, position_;
  std::unordered_map<uint64_t, int64_t> child_;  // (parent, token) -> node
  std::vector<Segment> segments_;
};

// Completions of prompts.
struct Batch {
  std::vector<Tokens> prompts, completions;  // none of them empty
  std::vector<int64_t> prompt_of;            // [completions]
};

// Inserts all that predicts a completion token: prompts, and completions without their last tokens,
// which predict nothing. Returns the node that predicts each token, completions one after another.
std::vector<int64_t> insert_batch(Forest& forest, const Batch& batch);

// Where the log-prob of each completion token of a batch is read. A target is a distinct
// (node, token that it predicts).
struct Targets {
  std::vector<int64_t> predictors;  // distinct nodes that predict something, ascending
  std::vector<int64_t> rows;        // for each target, its predictor's index; ascending
  std::vector<int64_t> tokens;      // for each target, the token
  std::vector<int64_t> of_token;    // for each completion token, its target

  // predictor_of_token: what insert_batch gave
  Targets(const Batch& batch, const std::vector<int64_t>& predictor_of_token);
};

}  // namespace grpo
