// Attention of each token-tree node to its path from the root, forward and backward.
#pragma once
#include "tree/layout.h"

namespace grpo {

// queries: [nodes, heads, head_dim]; keys and values: [KV rows, KV heads, head_dim], of the KV cache
// -> [nodes, heads * head_dim]
at::Tensor attend(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
                  const Layout& layout);

struct AttentionGrads {
  at::Tensor queries, keys, values;  // each of the shape of what it is the derivative of
};
// g = dL/d(attend(...)). Only for a layout whose keys are its own nodes (nothing cached before).
AttentionGrads attend_backward(const at::Tensor& g, const at::Tensor& queries, const at::Tensor& keys,
                               const at::Tensor& values, const Layout& layout);

// The rotary embedding (Su et al. 2021): cos and sin, each [nodes, 1, head_dim].
struct Rotation {
  at::Tensor cos, sin;
  // positions: [nodes]; inv_freq: [head_dim / 2]
  Rotation(const at::Tensor& positions, const at::Tensor& inv_freq, at::ScalarType type);
  // x: [nodes, heads, head_dim]
  at::Tensor forward(const at::Tensor& x) const { return turn(x, sin); }
  // A rotation's derivative is the rotation back.
  at::Tensor backward(const at::Tensor& g) const { return turn(g, sin.neg()); }

 private:
  at::Tensor turn(const at::Tensor& x, const at::Tensor& sine) const;
};

}  // namespace grpo
