// The token tree (a trie): every distinct (prefix, token) of a batch is one node.
//
// All prompts and completions of a batch share one trie, so a prefix that two completions, or two prompts,
// have in common is stored, and later computed, once. It is a forest, as prompts may begin differently.
// Nothing is computed here: this says which nodes there are and what precedes each.
#pragma once
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

namespace grpo {

using Tokens = std::vector<int64_t>;

// The nodes that the insertion of one sequence created: `count` nodes from `first`, each the parent of the
// next, at the end of `path` (all nodes from the root). Every node is in exactly one segment.
struct Segment {
  int64_t first;
  int64_t count;
  std::vector<int64_t> path;
};

class Forest {
 public:
  static constexpr int64_t kRoot = -1;

  // Adds a sequence below `parent`; returns the node of each of its tokens, new or not.
  std::vector<int64_t> insert(int64_t parent, const Tokens& tokens);
  // The child of `parent` that holds `token`, new or not.
  int64_t child(int64_t parent, int64_t token);

  int64_t size() const { return static_cast<int64_t>(token_.size()); }
  int64_t token(int64_t node) const { return token_[node]; }
  int64_t parent(int64_t node) const { return parent_[node]; }
  int64_t position(int64_t node) const { return position_[node]; }
  // Nodes from the root to `node`, both included.
  std::vector<int64_t> path(int64_t node) const;
  // The segments created since the last call, which a forward over their nodes is laid out by.
  std::vector<Segment> take_segments() { return std::exchange(segments_, {}); }

 private:
  std::vector<int64_t> token_, parent_, position_;
  std::unordered_map<uint64_t, int64_t> child_;  // (parent, token) -> node
  std::vector<Segment> segments_;
};

struct Batch {
  std::vector<Tokens> prompts, completions;  // none of them empty
  std::vector<int64_t> prompt_of;            // [completions]
};

// Inserts every token that predicts a completion token or leads to one: prompts, and completions without
// their last token, which predicts nothing. Returns, for each completion token, the node that predicts it
// (the one before it); completions one after another.
std::vector<int64_t> insert_batch(Forest& forest, const Batch& batch);

// Where to read the log-prob of each completion token of a batch. A target is a distinct pair of a node and a
// token that it predicts: completions that share both share the log-prob.
struct Targets {
  std::vector<int64_t> predictors;  // nodes that predict a completion token, distinct and ascending
  std::vector<int64_t> rows;        // for each target, the index of its node in `predictors`; ascending
  std::vector<int64_t> tokens;      // for each target, the token
  std::vector<int64_t> of_token;    // for each completion token, its target

  // predictor_of_token: what insert_batch gave
  Targets(const Batch& batch, const std::vector<int64_t>& predictor_of_token);
};

}  // namespace grpo
