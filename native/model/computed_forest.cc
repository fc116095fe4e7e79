#include "model/computed_forest.h"

#include "tree/index_tensors.h"

namespace grpo {

int64_t ComputedForest::compute(int64_t limit, const std::function<void()>& on_layer) {
  const int64_t first = trace_.size(), count = forest.size() - first;
  if (count == 0) return 0;
  const Layout layout = layout_of(forest, first, forest.take_segments(), model_.layout_options());
  trace_.extend(count, limit);
  model_.forward(layout, trace_, on_layer);
  return count;
}

at::Tensor ComputedForest::hidden(const std::vector<int64_t>& nodes) const {
  return model_.hidden(trace_, index_tensors({nodes}, model_.options().device())[0]);
}

void ComputedForest::backward(Forest& part, const std::vector<int64_t>& rows,
                              const std::vector<int64_t>& predictors, const at::Tensor& d_hidden,
                              const std::function<void()>& on_layer) const {
  const Layout layout = layout_of(part, 0, part.take_segments(), model_.layout_options());
  const auto sent = index_tensors({rows, predictors}, model_.options().device());
  model_.backward(layout, trace_, sent[0], sent[1], d_hidden, on_layer);
}

}  // namespace grpo
