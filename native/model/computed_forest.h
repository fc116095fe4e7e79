// A token forest with its KV cache (and activations, for a backward). Sequences are inserted at any time;
// `compute` forwards the new nodes only.
#pragma once
#include "model/model.h"
#include "model/vocabulary_rows.h"

namespace grpo {

class ComputedForest {
 public:
  // `for_backward`: keep the activations that a backward needs.
  ComputedForest(const Model& model, bool for_backward)
      : model_(model), trace_(model.config, model.options(), for_backward) {}

  Forest forest;
  VocabularyRows vocabulary;  // log-probs after some of the nodes, where sampling kept them

  // Forwards the nodes inserted since the last call, and returns how many. Once this has thrown, the forest
  // can't be used any more. `limit`: the most nodes that there will ever be.
  int64_t compute(int64_t limit, const std::function<void()>& on_layer);

  // Final hidden states. nodes: [n] -> [n, hidden]
  at::Tensor hidden(const std::vector<int64_t>& nodes) const;

  // Back-propagates through the nodes of `part`, whose node i is node rows[i] here; see Model::backward.
  void backward(Forest& part, const std::vector<int64_t>& rows, const std::vector<int64_t>& predictors,
                const at::Tensor& d_hidden, const std::function<void()>& on_layer) const;

  bool for_backward() const { return trace_.for_backward(); }

 private:
  const Model& model_;
  Trace trace_;
};

}  // namespace grpo
