// A forest and what a model made of its nodes. It grows, and computes only what is new.
#pragma once
#include "model/model.h"
#include "model/vocabulary_rows.h"

namespace grpo {

class ComputedForest {
 public:
  // With `for_backward`, what a backward needs is kept.
  ComputedForest(const Model& model, bool for_backward)
      : model_(model), trace_(model.config, model.options(), for_backward) {}

  Forest forest;
  VocabularyRows vocabulary;

  // Computes the nodes that were inserted since the last call; says how many. After it has thrown,
  // the forest is of no use. `limit`: nodes that there will never be more of.
  int64_t compute(int64_t limit, const std::function<void()>& on_layer);

  // Final hidden states. nodes: [n] -> [n, hidden]
  at::Tensor hidden(const std::vector<int64_t>& nodes) const;

  // Node i of `part` is node rows[i] of this forest; see Model::backward.
  void backward(Forest& part, const std::vector<int64_t>& rows, const std::vector<int64_t>& predictors,
                const at::Tensor& d_hidden, const std::function<void()>& on_layer) const;

  bool for_backward() const { return trace_.for_backward(); }

 private:
  at::Tensor indices(const std::vector<int64_t>& nodes) const {
    return at::tensor(nodes, at::kLong).to(model_.options().device());
  }

  const Model& model_;
  Trace trace_;
};

}  // namespace grpo
