// Matrix products y = x W^T where x has few rows, as at a token position or in a small micro-batch. Such a
// product is bound by reading W, and BLAS libraries spend longer on packing W into their own order than on
// multiplying. Read in place, a row at a time, W streams at the speed of memory.
#pragma once
#include <ATen/ATen.h>

namespace grpo {

// The most rows of a product y = x W^T, and of the weight's gradient, that these functions are used for.
// Beyond them the libraries are faster.
struct FewRows {
  int64_t forward, grad;
};

// For bfloat16 they depend on the processor more than for float32: whoever has measured them sets them for
// the calling thread, which is that of an engine.
void set_bfloat16_few_rows(const FewRows& most);

// Whether the processor has what the functions need for matrices of this type.
bool has_few_rows(at::ScalarType type);

// Whether this processor and these tensors suit the function of that name; elsewhere at::mm_out is faster.
bool suits_few_rows(const at::Tensor& x, const at::Tensor& weight);
bool suits_few_rows_grad(const at::Tensor& g, const at::Tensor& x);

// y = x W^T + add. x: [rows, in], weight: [out, in] of x's type, or bfloat16; y: [rows, out] of x's type
// or float32; add: [rows, out] or [out] of x's type, or undefined. Sums in float32. A row of y is the same
// whatever other rows there are, and whether the same weights are stored in bfloat16 or float32.
void few_rows(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& add, at::Tensor y);

// The weight's gradient, grad (+)= g^T x with g = dL/dy. g: [rows, out], x: [rows, in], of one type; grad:
// [out, in] float32, added to if `add` is set, else overwritten.
void few_rows_grad(const at::Tensor& g, const at::Tensor& x, at::Tensor grad, bool add);

}  // namespace grpo
