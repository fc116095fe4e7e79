// Products of matrices that keep the sums' digits. A product of bfloat16 matrices that is rounded to
// bfloat16, to 8 bits, has steps of 0.125 at 20: coarse for logits, attention scores and gradients. On a GPU
// the result is float32 whatever the matrices' type. On a CPU libtorch has no such product, and it is of
// their type.
#pragma once
#include <ATen/ATen.h>

namespace grpo {

// The type of a product of x.
at::ScalarType product_type(const at::Tensor& x);

// x as `product` takes it: as it is where the device multiplies x's type into the product's (CUDA, from
// libtorch 2.8 on, bfloat16 into float32), else in the product's type.
at::Tensor operand(const at::Tensor& x);

// a b. a: [..., m, k]; b: [..., k, n], both from `operand`, but `a` may also be another product.
at::Tensor product(const at::Tensor& a, const at::Tensor& b);

// sum (+)= a b. a: [m, k]; b: [k, n]; sum: [m, n] float32, added to if `add` is set, else overwritten.
void add_product(at::Tensor& sum, bool add, const at::Tensor& a, const at::Tensor& b);

}  // namespace grpo
