// The AdamW update in one pass over memory. libtorch's fused kernel also writes the scaled gradients back,
// which are not needed, and needs a second pass for the bfloat16 copy of the weights.
#pragma once
#include <ATen/ATen.h>

#include "kernels/adamw_loop.h"

namespace grpo {

// Whether this processor and this tensor suit `adamw`; elsewhere use at::_fused_adamw_.
bool suits_adamw(const at::Tensor& master);

// All tensors have one shape. `value`: the weights that are computed with, either `master` itself or its copy
// in bfloat16.
void adamw(const at::Tensor& master, const at::Tensor& exp_avg, const at::Tensor& exp_avg_sq,
           const at::Tensor& grad, const at::Tensor& value, const AdamWUpdate& update);

}  // namespace grpo
