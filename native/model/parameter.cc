#include "model/parameter.h"

#include "kernels/add_rows.h"
#include "kernels/few_rows.h"
#include "kernels/product.h"

namespace grpo {

void Parameter::freeze(const at::Tensor& numbers) {
  // Weights of a bfloat16 checkpoint are exact in bfloat16: half the memory, and the same results.
  const at::Tensor narrow = numbers.dim() == 2 ? numbers.to(at::kBFloat16) : at::Tensor();
  const bool exact = narrow.defined() && narrow.to(numbers.scalar_type()).equal(numbers);
  share(exact && !narrow.is_same(numbers) ? narrow : numbers.clone());
}

void Parameter::share(const at::Tensor& shared) {
  trainable = false;
  value = master = shared;
}

void Parameter::allocate_grad() {
  if (!grad.defined()) grad = at::empty(shape, master.options());
}

void Parameter::need_grad() {
  allocate_grad();
  if (!has_grad) grad.zero_();
  has_grad = true;
}

void Parameter::add_product_grad(const at::Tensor& a, const at::Tensor& b) {
  allocate_grad();
  if (suits_few_rows_grad(a, b)) {
    few_rows_grad(a, b, grad, has_grad);
  } else {
    add_product(grad, has_grad, a.t(), b);
  }
  has_grad = true;
}

void Parameter::add_grad(const at::Tensor& g) {
  allocate_grad();
  has_grad ? grad.add_(g) : grad.copy_(g);
  has_grad = true;
}

void Parameter::add_row_grad(const at::Tensor& rows, const at::Tensor& g) {
  need_grad();
  add_rows(grad, rows, g.to(at::kFloat));
}

}  // namespace grpo
