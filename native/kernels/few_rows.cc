#include "kernels/few_rows.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>

#include <algorithm>
#include <vector>

#include "kernels/few_rows_tiles.h"

namespace grpo {
namespace {

// Of float32: docs/performance.md has the table.
constexpr FewRows kFloats{96, 96};
// Of bfloat16, where nobody has measured: those of a processor with AVX-512 and without AMX. (The libraries
// have no product of bfloat16 matrices with a float32 result, so that adding to a gradient takes them another
// pass over all of it.)
thread_local FewRows bfloat16s{64, 256};

// Rows of W at a time: as many sums as fit into a core's L1 cache.
constexpr int64_t kOuts = 24;

// Without OpenMP (see CMakeLists.txt) at::parallel_for has one thread: the libraries are faster then.
#if defined(__x86_64__) && defined(_OPENMP)
// By libtorch's view of the processor, which the environment variable ATEN_CPU_CAPABILITY may lower.
bool allows(const char* capability) { return at::get_cpu_capability() == capability; }

FewRowsKernels float_kernels() {
  if (allows("AVX512")) return few_rows_avx512_float();
  if (allows("AVX2") && __builtin_cpu_supports("fma")) return few_rows_avx2_float();
  return {};
}
FewRowsKernels bfloat16_kernels() {
  return allows("AVX512") && __builtin_cpu_supports("avx512bf16") ? few_rows_avx512_bfloat16()
                                                                  : FewRowsKernels{};
}
RowsKernel widened_kernel() {
  if (allows("AVX512")) return few_rows_avx512_widened();
  return float_kernels().forward ? few_rows_avx2_widened() : nullptr;
}
#else
FewRowsKernels float_kernels() { return {}; }
FewRowsKernels bfloat16_kernels() { return {}; }
RowsKernel widened_kernel() { return nullptr; }
#endif

FewRowsKernels kernels_of(at::ScalarType type) {
  static const FewRowsKernels floats = float_kernels(), bfloat16s = bfloat16_kernels();
  return type == at::kFloat ? floats : type == at::kBFloat16 ? bfloat16s : FewRowsKernels{};
}

// The kernel for x and a weight, which may be stored in a narrower type.
RowsKernel kernel_of(at::ScalarType x, at::ScalarType weight) {
  static const RowsKernel widened = widened_kernel();
  if (x == at::kFloat && weight == at::kBFloat16) return widened;
  return x == weight ? kernels_of(x).forward : nullptr;
}

// Types: Number of x and `add`, Weight of the weight, Out of y
template <class Number, class Weight, class Out>
void run(RowsKernel kernel, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& add,
         at::Tensor& y) {
  const int64_t rows = x.size(0), in = x.size(1), out = weight.size(0);
  const Weight* w = weight.const_data_ptr<Weight>();
  const Number* numbers = x.const_data_ptr<Number>();
  const Number* more = add.defined() ? add.const_data_ptr<Number>() : nullptr;
  const int64_t more_stride = add.defined() && add.dim() == 2 ? out : 0;
  Out* result = y.data_ptr<Out>();
  at::parallel_for(0, (out + kOuts - 1) / kOuts, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> sums(rows * kOuts);
    for (int64_t first = begin * kOuts; first < std::min(end * kOuts, out); first += kOuts) {
      const int64_t outs = std::min(kOuts, out - first);
      kernel(numbers, rows, w + first * in, outs, in, sums.data());
      for (int64_t r = 0; r < rows; ++r) {
        const float* sum = sums.data() + r * outs;
        Out* to = result + r * out + first;
        if (more) {
          const Number* plus = more + r * more_stride + first;
          for (int64_t o = 0; o < outs; ++o) to[o] = static_cast<Out>(sum[o] + static_cast<float>(plus[o]));
        } else {
          for (int64_t o = 0; o < outs; ++o) to[o] = static_cast<Out>(sum[o]);
        }
      }
    }
  });
}

// Interleaves pairs of rows: [rows, columns] bfloat16 -> [ceil(rows / 2), columns], each two rows' numbers
std::vector<uint32_t> pairs_of_rows(const at::Tensor& x) {
  const int64_t rows = x.size(0), columns = x.size(1);
  const auto* numbers = reinterpret_cast<const uint16_t*>(x.const_data_ptr<at::BFloat16>());
  std::vector<uint32_t> pairs((rows + 1) / 2 * columns);
  at::parallel_for(0, (rows + 1) / 2, 4, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const uint16_t* one = numbers + 2 * row * columns;
      const uint16_t* two = 2 * row + 1 < rows ? one + columns : nullptr;
      uint32_t* to = pairs.data() + row * columns;
      for (int64_t i = 0; i < columns; ++i) to[i] = one[i] | (two ? static_cast<uint32_t>(two[i]) << 16 : 0);
    }
  });
  return pairs;
}

void run_grad(GradKernel kernel, const void* g, const void* x, size_t number, int64_t rows, at::Tensor& grad,
              bool add) {
  const int64_t out = grad.size(0), in = grad.size(1);
  float* const result = grad.data_ptr<float>();
  at::parallel_for(0, (out + kOuts - 1) / kOuts, 1, [&](int64_t begin, int64_t end) {
    const int64_t first = begin * kOuts, outs = std::min(end * kOuts, out) - first;
    kernel(static_cast<const char*>(g) + first * number, out, x, rows, outs, in, result + first * in, add);
  });
}

bool suits(const at::Tensor& x, const at::Tensor& other, int64_t most) {
  return x.is_cpu() && x.size(0) <= most && x.is_contiguous() && other.is_contiguous() &&
         kernel_of(x.scalar_type(), other.scalar_type());
}

}  // namespace

void set_bfloat16_few_rows(const FewRows& most) { bfloat16s = most; }

bool has_few_rows(at::ScalarType type) { return kernels_of(type).forward != nullptr; }

bool suits_few_rows(const at::Tensor& x, const at::Tensor& weight) {
  return suits(x, weight, x.scalar_type() == at::kFloat ? kFloats.forward : bfloat16s.forward);
}

bool suits_few_rows_grad(const at::Tensor& g, const at::Tensor& x) {
  return suits(g, x, g.scalar_type() == at::kFloat ? kFloats.grad : bfloat16s.grad);
}

void few_rows(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& add, at::Tensor y) {
  using at::BFloat16;
  const RowsKernel kernel = kernel_of(x.scalar_type(), weight.scalar_type());
  if (weight.scalar_type() == at::kFloat) return run<float, float, float>(kernel, x, weight, add, y);
  if (x.scalar_type() == at::kFloat) return run<float, BFloat16, float>(kernel, x, weight, add, y);
  if (y.scalar_type() == at::kFloat) return run<BFloat16, BFloat16, float>(kernel, x, weight, add, y);
  run<BFloat16, BFloat16, BFloat16>(kernel, x, weight, add, y);
}

void few_rows_grad(const at::Tensor& g, const at::Tensor& x, at::Tensor grad, bool add) {
  const GradKernel kernel = kernels_of(x.scalar_type()).grad;
  const int64_t rows = x.size(0);
  if (x.scalar_type() == at::kFloat) {
    return run_grad(kernel, g.const_data_ptr(), x.const_data_ptr(), sizeof(float), rows, grad, add);
  }
  const auto gs = pairs_of_rows(g), xs = pairs_of_rows(x);
  run_grad(kernel, gs.data(), xs.data(), sizeof(uint32_t), (rows + 1) / 2, grad, add);
}

}  // namespace grpo
