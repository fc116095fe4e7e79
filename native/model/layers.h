// The operations of a transformer that have weights. Each differentiates its input through
// autograd and adds to its weights' gradients itself (see Parameter).
#pragma once
#include "model/parameter.h"

namespace grpo {

// Looks up rows. tokens: [nodes] -> [nodes, hidden], a leaf that autograd starts from.
struct Embedding {
  Parameter* weight = nullptr;  // [vocab, hidden]
  at::Tensor operator()(const at::Tensor& tokens) const;
};

// y = x W^T + b. x: [nodes, in] -> [nodes, out]
struct Linear {
  Parameter* weight = nullptr;  // [out, in]
  Parameter* bias = nullptr;    // [out], or none
  at::Tensor operator()(const at::Tensor& x) const;
};

// y = w x / sqrt(mean(x^2) + eps), in float32 (Zhang and Sennrich 2019). x: [..., hidden]
struct RmsNorm {
  Parameter* weight = nullptr;  // [hidden]
  double eps = 0;
  at::Tensor operator()(const at::Tensor& x) const;
};

}  // namespace grpo
