// AdamW in one pass over memory: libtorch's own kernel writes back the gradients it has scaled, which
// nobody reads, and leaves the caller to make the bfloat16 copy of the weights.
#pragma once
#include <ATen/ATen.h>

#include "kernels/adamw_loop.h"

namespace grpo {

// Whether this processor and these tensors suit `adamw`; elsewhere it is at::_fused_adamw_.
bool suits_adamw(const at::Tensor& master);

// All of one shape; `value`: what is computed with, the master itself or its copy in bfloat16.
void adamw(const at::Tensor& master, const at::Tensor& exp_avg, const at::Tensor& exp_avg_sq,
           const at::Tensor& grad, const at::Tensor& value, const AdamWUpdate& update);

}  // namespace grpo
