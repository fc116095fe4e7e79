// The inner loops of few_rows, written once over vector types `V`. Files that include this are compiled for
// different instruction sets, so everything here has internal linkage: the linker must not merge two of them.
#pragma once
#include <cstdint>

namespace grpo {

// sums[r * outs + o] = x[r] . W[o], for `outs` rows of W. x: [rows, in]
using RowsKernel = void (*)(const void* x, int64_t rows, const void* weight, int64_t outs, int64_t in,
                            float* sums);

// grad[o * in + i] (+)= sum over rows of g[row, o] x[row, i], for `outs` of the `stride` columns of g.
// bfloat16 rows come interleaved in pairs: a column's two numbers lie side by side.
using GradKernel = void (*)(const void* g, int64_t stride, const void* x, int64_t rows, int64_t outs,
                            int64_t in, float* grad, bool add);

struct FewRowsKernels {
  RowsKernel forward;
  GradKernel grad;
};

// Null where this build has no such instructions. `widened`: for float32 x and bfloat16 weights; gives
// exactly what the same weights in float32 give.
FewRowsKernels few_rows_avx2_float();
RowsKernel few_rows_avx2_widened();
FewRowsKernels few_rows_avx512_float();
RowsKernel few_rows_avx512_widened();
FewRowsKernels few_rows_avx512_bfloat16();

namespace {

inline float widen(uint16_t x) { return __builtin_bit_cast(float, static_cast<uint32_t>(x) << 16); }

// Columns that are multiplied before the next ones: so much of x stays in a core's L2 cache, and a tile's
// part of W in L1.
constexpr int64_t kDepth = 1024;

// Columns [begin, end) of R rows of x with O rows of W: R x O sums in registers, each vector of W loaded
// once. `ahead`: prefetch the next O rows of W meanwhile, as the hardware's prefetcher does not follow
// several rows.
template <class V, int R, int O, bool ahead>
inline void tile(const typename V::Number* x, const typename V::Weight* w, int64_t in, int64_t begin,
                 int64_t end, float* sums, int64_t stride) {
  typename V::Sum sum[R][O];
  for (int r = 0; r < R; ++r) {
    for (int o = 0; o < O; ++o) sum[r][o] = V::zero();
  }
  const int64_t whole = end - (end - begin) % V::kWidth;
  for (int64_t k = begin; k < whole; k += V::kWidth) {
    typename V::Vector wk[O];
#pragma GCC unroll 8
    for (int o = 0; o < O; ++o) {
      wk[o] = V::load_weight(w + o * in + k);
      if constexpr (ahead) __builtin_prefetch(w + (o + O) * in + k, 0, 2);
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const typename V::Vector xk = V::load(x + r * in + k);
#pragma GCC unroll 8
      for (int o = 0; o < O; ++o) sum[r][o] = V::multiply_add(xk, wk[o], sum[r][o]);
    }
  }
  for (int r = 0; r < R; ++r) {
    float* const to = sums + r * stride;
    V::totals(sum[r], to, begin > 0);
    for (int64_t k = whole; k < end; ++k) {
      for (int o = 0; o < O; ++o) to[o] += V::number(x[r * in + k]) * V::weight(w[o * in + k]);
    }
  }
}

template <class V, int R, int O, bool ahead>
inline void tile_of(int64_t rows, const typename V::Number* x, const typename V::Weight* w, int64_t in,
                    int64_t begin, int64_t end, float* sums, int64_t stride) {
  if (rows == R) return tile<V, R, O, ahead>(x, w, in, begin, end, sums, stride);
  if constexpr (R > 1) tile_of<V, R - 1, O, ahead>(rows, x, w, in, begin, end, sums, stride);
}

template <class V, int O>
inline void column(const typename V::Number* x, int64_t rows, const typename V::Weight* w, int64_t in,
                   int64_t begin, int64_t end, float* sums, int64_t stride) {
  // In as few tiles as possible, of similar size; the first prefetches the next rows of W.
  const int64_t all = (rows + V::kRows - 1) / V::kRows;
  for (int64_t tiles = all; tiles > 0; --tiles) {
    const int64_t now = (rows + tiles - 1) / tiles;
    if (tiles == all) {
      tile_of<V, V::kRows, O, true>(now, x, w, in, begin, end, sums, stride);
    } else {
      tile_of<V, V::kRows, O, false>(now, x, w, in, begin, end, sums, stride);
    }
    rows -= now;
    x += now * in;
    sums += now * stride;
  }
}

template <class V>
void rows_kernel(const void* x, int64_t rows, const void* weight, int64_t outs, int64_t in, float* sums) {
  const auto* numbers = static_cast<const typename V::Number*>(x);
  const auto* w = static_cast<const typename V::Weight*>(weight);
  const int64_t parts = (in + kDepth - 1) / kDepth;
  const int64_t depth = ((in + parts - 1) / parts + V::kWidth - 1) / V::kWidth * V::kWidth;
  for (int64_t begin = 0; begin < in; begin += depth) {
    const int64_t end = begin + depth < in ? begin + depth : in;
    int64_t o = 0;
    for (; o + V::kOuts <= outs; o += V::kOuts)
      column<V, V::kOuts>(numbers, rows, w + o * in, in, begin, end, sums + o, outs);
    for (; o < outs; ++o) column<V, 1>(numbers, rows, w + o * in, in, begin, end, sums + o, outs);
  }
}

// O columns of g with I vectors of x: O x I sums in registers, to which one row after another is added.
template <class V, int O, int I>
inline void grad_tile(const typename V::Pair* g, int64_t stride, const typename V::Pair* x, int64_t rows,
                      int64_t in, float* grad, bool add) {
  typename V::Sum sum[O][I];
  for (int o = 0; o < O; ++o) {
    for (int i = 0; i < I; ++i) {
      sum[o][i] = add ? V::load_sum(grad + o * in + i * V::kSums) : V::zero();
      __builtin_prefetch(grad + o * in + (I + i) * V::kSums, 1, 2);  // for the next tile
    }
  }
  for (int64_t row = 0; row < rows; ++row) {
    typename V::Vector xs[I];
#pragma GCC unroll 8
    for (int i = 0; i < I; ++i) xs[i] = V::load_pairs(x + row * in + i * V::kSums);
#pragma GCC unroll 8
    for (int o = 0; o < O; ++o) {
      const typename V::Vector go = V::broadcast(g + row * stride + o);
#pragma GCC unroll 8
      for (int i = 0; i < I; ++i) sum[o][i] = V::multiply_add(xs[i], go, sum[o][i]);
    }
  }
  for (int o = 0; o < O; ++o) {
    for (int i = 0; i < I; ++i) V::store_sum(grad + o * in + i * V::kSums, sum[o][i]);
  }
}

template <class V, int O>
inline void grad_rows(const typename V::Pair* g, int64_t stride, const typename V::Pair* x, int64_t rows,
                      int64_t in, float* grad, bool add) {
  constexpr int64_t kWide = V::kColumns * V::kSums;
  int64_t i = 0;
  for (; i + kWide <= in; i += kWide) grad_tile<V, O, V::kColumns>(g, stride, x + i, rows, in, grad + i, add);
  for (; i + V::kSums <= in; i += V::kSums) grad_tile<V, O, 1>(g, stride, x + i, rows, in, grad + i, add);
  for (; i < in; ++i) {
    for (int o = 0; o < O; ++o) {
      float total = add ? grad[o * in + i] : 0;
      for (int64_t row = 0; row < rows; ++row) total += V::product(x[row * in + i], g[row * stride + o]);
      grad[o * in + i] = total;
    }
  }
}

template <class V>
void grad_kernel(const void* g, int64_t stride, const void* x, int64_t rows, int64_t outs, int64_t in,
                 float* grad, bool add) {
  const auto* gs = static_cast<const typename V::Pair*>(g);
  const auto* xs = static_cast<const typename V::Pair*>(x);
  int64_t o = 0;
  for (; o + V::kGradOuts <= outs; o += V::kGradOuts)
    grad_rows<V, V::kGradOuts>(gs + o, stride, xs, rows, in, grad + o * in, add);
  for (; o < outs; ++o) grad_rows<V, 1>(gs + o, stride, xs, rows, in, grad + o * in, add);
}

template <class V>
constexpr FewRowsKernels kernels_of() {
  return {&rows_kernel<V>, &grad_kernel<V>};
}

}  // namespace
}  // namespace grpo
