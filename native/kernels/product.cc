#include "kernels/product.h"

#include <torch/version.h>

#include <algorithm>

namespace grpo {
namespace {

#if TORCH_VERSION_MAJOR > 2 || TORCH_VERSION_MINOR >= 8

// Whether the device multiplies matrices of x's type into float32.
bool multiplies_into_float(const at::Tensor& x) { return x.is_cuda() && x.scalar_type() == at::kBFloat16; }

at::Tensor product_into_float(const at::Tensor& a, const at::Tensor& b) {
  if (a.dim() == 2) return at::mm(a, b, at::kFloat);
  std::vector<int64_t> shape = a.sizes().vec();
  shape.back() = b.size(-1);
  const int64_t last = a.dim() - 3;
  return at::bmm(a.flatten(0, last), b.flatten(0, last), at::kFloat).view(shape);
}

#else

bool multiplies_into_float(const at::Tensor&) { return false; }
at::Tensor product_into_float(const at::Tensor& a, const at::Tensor& b) { return a.matmul(b); }

#endif

// Rows of a sum that a product is added to at a time: addmm wants the sum in the type of the matrices, and
// the product with the vocabulary is large.
constexpr int64_t kRowsAtOnce = 16384;

}  // namespace

at::ScalarType product_type(const at::Tensor& x) { return x.is_cpu() ? x.scalar_type() : at::kFloat; }

at::Tensor operand(const at::Tensor& x) { return multiplies_into_float(x) ? x : x.to(product_type(x)); }

at::Tensor product(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor same = a.to(b.scalar_type());
  return multiplies_into_float(b) ? product_into_float(same, b) : same.matmul(b);
}

void add_product(at::Tensor& sum, bool add, const at::Tensor& a, const at::Tensor& b) {
  if (product_type(a) == at::kFloat && !multiplies_into_float(a)) {
    const at::Tensor wide_a = operand(a), wide_b = operand(b);
    add ? sum.addmm_(wide_a, wide_b) : at::mm_out(sum, wide_a, wide_b);
    return;
  }
  const int64_t rows = a.size(0), block = a.is_cpu() ? rows : kRowsAtOnce;
  for (int64_t first = 0; first < rows; first += block) {
    const int64_t count = std::min(block, rows - first);
    const at::Tensor part = product(a.narrow(0, first, count), b);
    add ? sum.narrow(0, first, count).add_(part) : sum.narrow(0, first, count).copy_(part);
  }
}

}  // namespace grpo
