// Plain loops that the compiler vectorises for AVX2. The update is bound by memory: AVX-512 gains nothing.
#include "kernels/adamw_loop.h"

#ifdef __AVX2__
#include <cmath>

namespace grpo {
namespace {

constexpr int64_t kLine = 16;    // float32 numbers in a cache line
constexpr int64_t kAhead = 512;  // prefetch distance, in numbers

// Rounds to the nearest, ties to even.
inline uint16_t to_bfloat16(float x) {
  const auto bits = __builtin_bit_cast(uint32_t, x);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

template <bool with_copy>
void loop(float* __restrict w, float* __restrict m, float* __restrict v, const float* __restrict g,
          uint16_t* __restrict copy, int64_t count, const AdamWUpdate& update) {
  const AdamWUpdate u = update;
  const float inverse_root = 1 / u.root_correction;
  const auto one = [&](int64_t i) {
    const float gi = g[i] * u.gradient_scale;
    const float mi = m[i] + (gi - m[i]) * (1 - u.beta1);
    const float vi = v[i] * u.beta2 + (1 - u.beta2) * gi * gi;
    const float wi = w[i] * u.decay - u.step * mi / (std::sqrt(vi) * inverse_root + u.eps);
    m[i] = mi;
    v[i] = vi;
    w[i] = wi;
    if constexpr (with_copy) copy[i] = to_bfloat16(wi);
  };
  int64_t i = 0;
  for (; i + kLine <= count; i += kLine) {
    __builtin_prefetch(w + i + kAhead, 1);
    __builtin_prefetch(m + i + kAhead, 1);
    __builtin_prefetch(v + i + kAhead, 1);
    __builtin_prefetch(g + i + kAhead, 0);
    for (int64_t k = 0; k < kLine; ++k) one(i + k);
  }
  for (; i < count; ++i) one(i);
}

}  // namespace

AdamWLoop adamw_avx2() {
  return [](float* w, float* m, float* v, const float* g, uint16_t* copy, int64_t count,
            const AdamWUpdate& update) {
    copy ? loop<true>(w, m, v, g, copy, count, update) : loop<false>(w, m, v, g, copy, count, update);
  };
}

}  // namespace grpo
#else
namespace grpo {
AdamWLoop adamw_avx2() { return nullptr; }
}  // namespace grpo
#endif
