#include "kernels/few_rows_tiles.h"

#ifdef __AVX512F__
#include <immintrin.h>

namespace grpo {
namespace {

// What sums are, whatever is multiplied.
struct Sums {
  using Sum = __m512;
  static constexpr int kSums = 16;
  // 24 sums of 32 registers, in both tiles.
  static constexpr int kRows = 6, kOuts = 4, kGradOuts = 6, kColumns = 4;
  static Sum zero() { return _mm512_setzero_ps(); }
  static Sum load_sum(const float* p) { return _mm512_loadu_ps(p); }
  static void store_sum(float* p, Sum sum) { _mm512_storeu_ps(p, sum); }
  static float total(Sum x) { return _mm512_reduce_add_ps(x); }
};

struct Float : Sums {
  using Number = float;
  using Pair = float;
  using Vector = __m512;
  static constexpr int kWidth = 16;
  static Vector load(const float* p) { return _mm512_loadu_ps(p); }
  static Vector load_pairs(const float* p) { return load(p); }
  static Vector broadcast(const float* p) { return _mm512_set1_ps(*p); }
  static Sum multiply_add(Vector a, Vector b, Sum c) { return _mm512_fmadd_ps(a, b, c); }
  static float number(float x) { return x; }
  static float product(float a, float b) { return a * b; }
};

}  // namespace

FewRowsKernels few_rows_avx512_float() { return kernels_of<Float>(); }

}  // namespace grpo
#else
namespace grpo {
FewRowsKernels few_rows_avx512_float() { return {}; }
}  // namespace grpo
#endif

#ifdef __AVX512BF16__

namespace grpo {
namespace {

struct BFloat16 : Sums {
  using Number = uint16_t;
  using Pair = uint32_t;  // of two rows
  using Vector = __m512bh;
  static constexpr int kWidth = 32;
  static Vector load(const uint16_t* p) { return reinterpret_cast<Vector>(_mm512_loadu_si512(p)); }
  static Vector load_pairs(const uint32_t* p) { return reinterpret_cast<Vector>(_mm512_loadu_si512(p)); }
  static Vector broadcast(const uint32_t* p) {
    return reinterpret_cast<Vector>(_mm512_set1_epi32(static_cast<int>(*p)));
  }
  static Sum multiply_add(Vector a, Vector b, Sum c) { return _mm512_dpbf16_ps(c, a, b); }
  static float number(uint16_t x) { return __builtin_bit_cast(float, static_cast<uint32_t>(x) << 16); }
  static float product(uint32_t a, uint32_t b) {
    return number(static_cast<uint16_t>(a)) * number(static_cast<uint16_t>(b)) +
           number(static_cast<uint16_t>(a >> 16)) * number(static_cast<uint16_t>(b >> 16));
  }
};

}  // namespace

FewRowsKernels few_rows_avx512_bfloat16() { return kernels_of<BFloat16>(); }

}  // namespace grpo
#else
namespace grpo {
FewRowsKernels few_rows_avx512_bfloat16() { return {}; }
}  // namespace grpo
#endif
