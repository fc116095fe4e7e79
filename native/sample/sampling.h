// Sampling: grows a forest of token trees, one token of every running completion at a time.
#pragma once
#include "model/computed_forest.h"
#include "sample/philox.h"
#include "sample/probabilities.h"

namespace grpo {

struct SampleRequest {
  std::vector<Tokens> prompts;
  int64_t num_generations;
  int64_t first_generation;  // those before are sampled apart, or were
  int64_t max_completion_length;
  std::vector<int64_t> eos_token_ids;
  uint64_t seed;
  uint32_t step;
  std::vector<uint32_t> prompt_indices;
  SamplingOptions options;
  bool keep_activations;  // for a backward through what was sampled
};

// Parallel vectors over the completions that drew a token.
struct SampledPosition {
  std::vector<int32_t> completions, tokens;
  std::vector<uint8_t> ended;
  std::vector<float> logps;
  int64_t computed = 0;
};

class Sampling {
 public:
  Sampling(const Model& model, SampleRequest request);
  // Ends `stopped`, then draws one token for each completion still running.
  SampledPosition next(const std::vector<int64_t>& stopped, const std::function<void()>& on_layer);

  // All that was forwarded so far.
  const std::shared_ptr<ComputedForest>& computed() const { return computed_; }

 private:
  // Draws the next token of the completions at each row of logits [rows, vocab], notes its log-prob, and
  // gives what the logits became: the rows' log-probs at the temperature.
  at::Tensor draw(at::Tensor logits, const std::vector<std::vector<int64_t>>& history,
                  const std::vector<std::vector<int64_t>>& completions_at, std::vector<float>& logp_of);

  const Model& model_;
  const SampleRequest request_;
  const std::shared_ptr<ComputedForest> computed_;
  int64_t limit_;                 // nodes that there can be in the end
  std::vector<int64_t> leaf_;     // a completion's last node; its prompt's last at first
  std::vector<int64_t> pending_;  // the token it drew last, not yet a node; kNone at first
  std::vector<bool> running_;
  uint32_t position_ = 0;
};

}  // namespace grpo
