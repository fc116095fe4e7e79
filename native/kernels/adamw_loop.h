// The inner loop of `adamw`. Every file that includes this may be compiled for other instructions.
#pragma once
#include <cstdint>

namespace grpo {

// What a number's update is made of, the step's corrections for bias included:
//   g' = gradient_scale g,  m = m + (1 - beta1)(g' - m),  v = beta2 v + (1 - beta2) g'^2
//   w = decay w - step m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
struct AdamWUpdate {
  float gradient_scale, beta1, beta2, decay, step, root_correction, eps;
};

// `copy`: the weights' in bfloat16, or null.
using AdamWLoop = void (*)(float* w, float* m, float* v, const float* g, uint16_t* copy, int64_t count,
                           const AdamWUpdate& update);

// Null where the compiler or the build can't.
AdamWLoop adamw_avx2();

}  // namespace grpo
