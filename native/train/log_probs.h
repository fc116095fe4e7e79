// Log-probs and entropies over the vocabulary, without holding [rows, vocab] of them.
#pragma once
#include "model/parameter.h"

namespace grpo {

struct LogProbs {
  at::Tensor logps;      // [targets] log softmax(logits / temperature)[token], nats
  at::Tensor entropies;  // [rows] of softmax(logits / temperature), nats
};

// hidden: [rows, hidden]; target i is `tokens[i]` predicted from row `rows[i]`, rows ascending.
// Differentiable in `hidden` and `weight` where gradients are enabled. The logits are computed a
// chunk of rows at a time, and again in the backward unless all of them were one chunk.
LogProbs log_probs(const at::Tensor& hidden, Parameter* weight, const std::vector<int64_t>& rows,
                   const std::vector<int64_t>& tokens, double temperature);

}  // namespace grpo
