// Attention of tree nodes to their paths.
#pragma once
#include "tree/layout.h"

namespace grpo {

// queries: [nodes, heads, head_dim]; keys and values: [key rows, key heads, head_dim]
// -> [nodes, heads * head_dim]
at::Tensor attend(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
                  const Layout& layout);

// cos and sin of the rotary embedding (Su et al. 2021). positions: [nodes] -> each [nodes, 1, head_dim]
std::pair<at::Tensor, at::Tensor> rotary_table(const at::Tensor& positions, const at::Tensor& inv_freq,
                                               at::ScalarType type);
// x: [nodes, heads, head_dim]
at::Tensor rotate(const at::Tensor& x, const std::pair<at::Tensor, at::Tensor>& table);

}  // namespace grpo
