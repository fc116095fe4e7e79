#include "kernels/few_rows_tiles.h"

#ifdef __AVX512F__
#include <immintrin.h>

namespace grpo {
namespace {

// Accumulators: float32 whatever the type of the factors.
struct Sums {
  using Sum = __m512;
  static constexpr int kSums = 16;
  // Tile sizes: 24 of the 32 registers hold sums, in both kernels.
  static constexpr int kRows = 6, kOuts = 4, kGradOuts = 6, kColumns = 4;
  static Sum zero() { return _mm512_setzero_ps(); }
  static Sum load_sum(const float* p) { return _mm512_loadu_ps(p); }
  static void store_sum(float* p, Sum sum) { _mm512_storeu_ps(p, sum); }
  // Horizontal sums of four vectors at once.
  static void totals(const Sum (&sum)[4], float* to, bool add) {
    const auto pairs = [](Sum a, Sum b) {
      return _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
    };
    const __m512d one = _mm512_castps_pd(pairs(sum[0], sum[1])),
                  two = _mm512_castps_pd(pairs(sum[2], sum[3]));
    const Sum all = _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(one, two)),
                                  _mm512_castpd_ps(_mm512_unpackhi_pd(one, two)));
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(all), _mm512_extractf32x8_ps(all, 1));
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    _mm_storeu_ps(to, add ? _mm_add_ps(_mm_loadu_ps(to), four) : four);
  }
  static void totals(const Sum (&sum)[1], float* to, bool add) {
    *to = _mm512_reduce_add_ps(sum[0]) + (add ? *to : 0);
  }
};

struct Float : Sums {
  using Number = float;
  using Weight = float;
  using Pair = float;
  using Vector = __m512;
  static constexpr int kWidth = 16;
  static Vector load(const float* p) { return _mm512_loadu_ps(p); }
  static Vector load_weight(const float* p) { return load(p); }
  static Vector load_pairs(const float* p) { return load(p); }
  static Vector broadcast(const float* p) { return _mm512_set1_ps(*p); }
  static Sum multiply_add(Vector a, Vector b, Sum c) { return _mm512_fmadd_ps(a, b, c); }
  static float number(float x) { return x; }
  static float weight(float x) { return x; }
  static float product(float a, float b) { return a * b; }
};

struct Widened : Float {
  using Weight = uint16_t;
  static Vector load_weight(const uint16_t* p) {
    const __m256i numbers = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(numbers), 16));
  }
  static float weight(uint16_t x) { return widen(x); }
};

}  // namespace

FewRowsKernels few_rows_avx512_float() { return kernels_of<Float>(); }
RowsKernel few_rows_avx512_widened() { return &rows_kernel<Widened>; }

}  // namespace grpo
#else
namespace grpo {
FewRowsKernels few_rows_avx512_float() { return {}; }
RowsKernel few_rows_avx512_widened() { return nullptr; }
}  // namespace grpo
#endif

#ifdef __AVX512BF16__

namespace grpo {
namespace {

struct BFloat16 : Sums {
  using Number = uint16_t;
  using Weight = uint16_t;
  using Pair = uint32_t;  // of two rows
  using Vector = __m512bh;
  static constexpr int kWidth = 32;
  static Vector load(const uint16_t* p) { return reinterpret_cast<Vector>(_mm512_loadu_si512(p)); }
  static Vector load_weight(const uint16_t* p) { return load(p); }
  static Vector load_pairs(const uint32_t* p) { return reinterpret_cast<Vector>(_mm512_loadu_si512(p)); }
  static Vector broadcast(const uint32_t* p) {
    return reinterpret_cast<Vector>(_mm512_set1_epi32(static_cast<int>(*p)));
  }
  static Sum multiply_add(Vector a, Vector b, Sum c) { return _mm512_dpbf16_ps(c, a, b); }
  static float number(uint16_t x) { return widen(x); }
  static float weight(uint16_t x) { return widen(x); }
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
