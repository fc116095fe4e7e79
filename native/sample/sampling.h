// A rollout: completions of prompts, one token position at a time, all of them in step, over one token
// forest. Equal prefixes are one node, forwarded once.
#pragma once
#include <memory>

#include "model/computed_forest.h"
#include "sample/draw.h"

namespace grpo {

// Which completions a prompt gets.
enum class SamplingMethod {
  kIndependent,         // each drawn by itself, so that some may be equal
  kWithoutReplacement,  // distinct ones: draws without replacement, by a stochastic beam search
  kMostProbable,        // distinct ones, those of the highest probability: a beam search
};

struct SampleRequest {
  std::vector<Tokens> prompts;
  int64_t num_generations;   // completions of each prompt (the group size)
  int64_t first_generation;  // number of the first within its group, where a group is sampled in parts
  int64_t max_completion_length;
  std::vector<int64_t> eos_token_ids;
  uint64_t seed;
  uint32_t step;
  std::vector<uint32_t> prompt_indices;
  SamplingOptions options;
  SamplingMethod method;
  double coverage;        // kMostProbable: no more paths than have this probability together
  bool keep_activations;  // for a training forward and backward of what is sampled
};

// What one token position gave: parallel vectors over the completions that were still running, and with a
// beam search over all completions of the prompts that have one running.
struct SampledPosition {
  std::vector<int32_t> completions;
  std::vector<int32_t> from;    // the completion that each continues, as it was after the position before
  std::vector<int32_t> tokens;  // kNoToken: `from` had ended, and stays as it is
  std::vector<uint8_t> ended;   // 1: by an end-of-sequence token or by length, or before
  std::vector<float> logps;
  int64_t computed = 0;  // nodes forwarded for this position
};
inline constexpr int32_t kNoToken = -1;

class Sampling {
 public:
  virtual ~Sampling() = default;
  // Ends `stopped`, then gives one more token to each completion still running.
  virtual SampledPosition next(const std::vector<int64_t>& stopped,
                               const std::function<void()>& on_layer) = 0;

  // The token forest with its KV cache.
  const std::shared_ptr<ComputedForest>& computed() const { return computed_; }

 protected:
  Sampling(const Model& model, SampleRequest request);

  // Throws BAD_ARGUMENT where there is no such completion.
  void check_completion(int64_t completion) const;
  // Whether a completion ends with this token, which is its last possible one where `position_` says so.
  bool ends_with(int64_t token) const;
  // The tokens before each row's, prompt included, where there is a repetition penalty; else empty lists.
  std::vector<std::vector<int64_t>> history(const std::vector<int64_t>& nodes) const;
  // Forwards what is new in the forest and gives the logits [rows, vocab] after `nodes` to `use`, a block of
  // rows at a time, the first of which is nodes[first]. It returns the log-probs of `Drawn`.
  // Returns the nodes forwarded.
  int64_t for_each_block(
      const std::vector<int64_t>& nodes,
      const std::function<at::Tensor(int64_t first, const std::vector<int64_t>& at, at::Tensor logits)>& use,
      const std::function<void()>& on_layer);

  const SampleRequest request_;
  const std::shared_ptr<ComputedForest> computed_;
  std::vector<int64_t> last_of_prompt_;  // [prompts] last node of each
  uint32_t position_ = 0;

 private:
  const Model& model_;
  int64_t limit_;  // the most nodes that the forest can get
};

// The nodes that completions go on from, each once.
template <typename Who>
struct Frontier {
  std::vector<int64_t> nodes;
  std::vector<std::vector<Who>> at;  // who goes on from each

  void add(int64_t node, Who who) {
    const auto [row, added] = row_of_node_.try_emplace(node, nodes.size());
    if (added) {
      nodes.push_back(node);
      at.emplace_back();
    }
    at[row->second].push_back(who);
  }

 private:
  std::unordered_map<int64_t, size_t> row_of_node_;
};

// As the request's method says.
std::unique_ptr<Sampling> make_sampling(const Model& model, SampleRequest request);

}  // namespace grpo
