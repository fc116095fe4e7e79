// A rollout: draws completions one token position at a time, all of them in step, over one token forest.
// Equal prefixes are one node, forwarded once, with one draw for each completion at it.
#pragma once
#include "model/computed_forest.h"
#include "sample/draw.h"
#include "sample/philox.h"

namespace grpo {

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
  bool keep_activations;  // for a training forward and backward of what is sampled
};

// What one token position gave: parallel vectors over the completions that were still running.
struct SampledPosition {
  std::vector<int32_t> completions, tokens;
  std::vector<uint8_t> ended;  // 1: by an end-of-sequence token or by length
  std::vector<float> logps;
  int64_t computed = 0;  // nodes forwarded for this position
};

class Sampling {
 public:
  Sampling(const Model& model, SampleRequest request);
  // Ends `stopped`, then draws one token for each completion still running.
  SampledPosition next(const std::vector<int64_t>& stopped, const std::function<void()>& on_layer);

  // The token forest with its KV cache.
  const std::shared_ptr<ComputedForest>& computed() const { return computed_; }

 private:
  // What to draw with at `nodes`, whose completions are completions_at[first + ..].
  DrawRows rows_to_draw(const std::vector<int64_t>& nodes,
                        const std::vector<std::vector<int64_t>>& completions_at, int64_t first) const;

  const Model& model_;
  const SampleRequest request_;
  const std::shared_ptr<ComputedForest> computed_;
  int64_t limit_;                 // the most nodes that the forest can get
  std::vector<int64_t> leaf_;     // each completion's last node; at first the prompt's last
  std::vector<int64_t> pending_;  // the token each drew last, not inserted yet; kNone at first
  std::vector<bool> running_;
  uint32_t position_ = 0;
};

}  // namespace grpo
