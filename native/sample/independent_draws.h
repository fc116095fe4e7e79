// Completions that are drawn each by itself: at a node one draw for each completion there.
#pragma once
#include "sample/philox.h"
#include "sample/sampling.h"

namespace grpo {

class IndependentDraws : public Sampling {
 public:
  IndependentDraws(const Model& model, SampleRequest request);
  SampledPosition next(const std::vector<int64_t>& stopped, const std::function<void()>& on_layer) override;

 private:
  // What to draw with at `nodes`, whose completions are completions_at[first + ..].
  DrawRows rows_to_draw(const std::vector<int64_t>& nodes,
                        const std::vector<std::vector<int64_t>>& completions_at, int64_t first) const;

  std::vector<int64_t> leaf_;     // each completion's last node; at first the prompt's last
  std::vector<int64_t> pending_;  // the token each drew last, not inserted yet; kNoToken at first
  std::vector<bool> running_;
};

}  // namespace grpo
