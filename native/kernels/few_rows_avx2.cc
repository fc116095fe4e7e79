#include "kernels/few_rows_tiles.h"

#ifdef __AVX2__
#include <immintrin.h>

namespace grpo {
namespace {

struct Float {
  using Number = float;
  using Weight = float;
  using Vector = __m256;
  using Sum = __m256;
  using Pair = float;
  static constexpr int kWidth = 8, kRows = 4, kOuts = 3;        // 12 of the 16 registers hold sums
  static constexpr int kSums = 8, kGradOuts = 4, kColumns = 3;  // here too
  static Sum zero() { return _mm256_setzero_ps(); }
  static Vector load(const float* p) { return _mm256_loadu_ps(p); }
  static Vector load_weight(const float* p) { return load(p); }
  static Sum multiply_add(Vector a, Vector b, Sum c) { return _mm256_fmadd_ps(a, b, c); }
  static Vector load_pairs(const float* p) { return load(p); }
  static Vector broadcast(const float* p) { return _mm256_broadcast_ss(p); }
  static Sum load_sum(const float* p) { return _mm256_loadu_ps(p); }
  static void store_sum(float* p, Sum sum) { _mm256_storeu_ps(p, sum); }
  static float number(float x) { return x; }
  static float weight(float x) { return x; }
  static float product(float a, float b) { return a * b; }
  template <int O>
  static void totals(const Sum (&sum)[O], float* to, bool add) {
    for (int o = 0; o < O; ++o) to[o] = total(sum[o]) + (add ? to[o] : 0);
  }
  static float total(Sum x) {
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(four, _mm_shuffle_ps(four, four, 1)));
  }
};

struct Widened : Float {
  using Weight = uint16_t;
  static Vector load_weight(const uint16_t* p) {
    const __m128i numbers = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(numbers), 16));
  }
  static float weight(uint16_t x) { return widen(x); }
};

}  // namespace

FewRowsKernels few_rows_avx2_float() { return kernels_of<Float>(); }
RowsKernel few_rows_avx2_widened() { return &rows_kernel<Widened>; }

}  // namespace grpo
#else
namespace grpo {
FewRowsKernels few_rows_avx2_float() { return {}; }
RowsKernel few_rows_avx2_widened() { return nullptr; }
}  // namespace grpo
#endif
