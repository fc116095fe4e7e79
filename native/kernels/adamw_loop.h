// The inner loop of `adamw`. Files that include this are compiled for different instruction sets.
#pragma once
#include <cstdint>

namespace grpo {

// Constants of one step's update, bias corrections included:
//   g' = gradient_scale g,  m = m + (1 - beta1)(g' - m),  v = beta2 v + (1 - beta2) g'^2
//   w = decay w - step m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
struct AdamWUpdate {
  float gradient_scale, beta1, beta2, decay, step, root_correction, eps;
};

// `copy`: the bfloat16 copy of the weights, or null.
using AdamWLoop = void (*)(float* w, float* m, float* v, const float* g, uint16_t* copy, int64_t count,
                           const AdamWUpdate& update);

// Null where this build has no such instructions.
AdamWLoop adamw_avx2();

}  // namespace grpo
