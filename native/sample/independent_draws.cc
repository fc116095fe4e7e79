#include "sample/independent_draws.h"

namespace grpo {

IndependentDraws::IndependentDraws(const Model& model, SampleRequest request)
    : Sampling(model, std::move(request)) {
  for (const int64_t node : last_of_prompt_) leaf_.insert(leaf_.end(), request_.num_generations, node);
  pending_.assign(leaf_.size(), kNoToken);
  running_.assign(leaf_.size(), true);
}

SampledPosition IndependentDraws::next(const std::vector<int64_t>& stopped,
                                       const std::function<void()>& on_layer) {
  for (const int64_t completion : stopped) {
    check_completion(completion);
    running_[completion] = false;
  }
  SampledPosition result;
  Forest& forest = computed_->forest;

  // The token drawn last is inserted only now, when its completion is known to go on: a last token is never
  // forwarded.
  Frontier<int64_t> frontier;
  for (size_t i = 0; i < leaf_.size(); ++i) {
    if (!running_[i]) continue;
    if (pending_[i] != kNoToken) leaf_[i] = forest.insert(leaf_[i], {pending_[i]}).back();
    frontier.add(leaf_[i], static_cast<int64_t>(i));
  }
  if (frontier.nodes.empty()) return result;

  std::vector<float> logp_of(leaf_.size());
  const auto draw_block = [&](int64_t first, const std::vector<int64_t>& at, const at::Tensor& logits) {
    const Drawn drawn = draw(logits, rows_to_draw(at, frontier.at, first), request_.options);
    for (size_t row = 0; row < at.size(); ++row) {
      for (size_t k = 0; k < drawn.tokens[row].size(); ++k) {
        const int64_t completion = frontier.at[first + row][k];
        pending_[completion] = drawn.tokens[row][k].id;
        logp_of[completion] = drawn.tokens[row][k].logp;
      }
    }
    return drawn.logps;
  };
  result.computed = for_each_block(frontier.nodes, draw_block, on_layer);

  ++position_;
  for (size_t i = 0; i < leaf_.size(); ++i) {
    if (!running_[i]) continue;
    running_[i] = !ends_with(pending_[i]);
    result.completions.push_back(static_cast<int32_t>(i));
    result.from.push_back(static_cast<int32_t>(i));
    result.tokens.push_back(static_cast<int32_t>(pending_[i]));
    result.ended.push_back(!running_[i]);
    result.logps.push_back(logp_of[i]);
  }
  return result;
}

DrawRows IndependentDraws::rows_to_draw(const std::vector<int64_t>& nodes,
                                        const std::vector<std::vector<int64_t>>& completions_at,
                                        int64_t first) const {
  DrawRows rows{std::vector<std::vector<double>>(nodes.size()), history(nodes)};
  for (size_t row = 0; row < nodes.size(); ++row) {
    for (const int64_t i : completions_at[first + row]) {
      const uint32_t prompt = request_.prompt_indices[i / request_.num_generations];
      const auto completion = static_cast<uint32_t>(request_.first_generation + i % request_.num_generations);
      rows.uniforms[row].push_back(uniform({request_.seed, request_.step, prompt, completion, position_}));
    }
  }
  return rows;
}

}  // namespace grpo
