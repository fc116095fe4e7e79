// y = x W^T for the few rows of a token position or of a small batch. Such a product reads all of
// W for little arithmetic, and the libraries spend longer on bringing W into their order than on
// multiplying: read as it lies, a row at a time, it streams at the memory's own speed.
#pragma once
#include <ATen/ATen.h>

namespace grpo {

// Whether this processor and these tensors suit `few_rows` and the others; elsewhere at::mm_out is the
// better one.
bool suits_few_rows(const at::Tensor& x, const at::Tensor& weight);
bool suits_few_rows_grad(const at::Tensor& g, const at::Tensor& x);

// y = x W^T + add. x: [rows, in], weight: [out, in] of x's type, or bfloat16; y: [rows, out] of x's type
// or float32; add: [rows, out] or [out] of x's type, or undefined. Sums in float32. A row of y does not
// depend on which other rows there are, nor on whether the weight's numbers are kept in bfloat16.
void few_rows(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& add, at::Tensor y);

// grad (+)= g^T x: what the rows of g = dL/dy and of x bring to the weight's gradient. g: [rows, out],
// x: [rows, in], of one type; grad: [out, in] float32, added to where `add` is set, else written.
void few_rows_grad(const at::Tensor& g, const at::Tensor& x, at::Tensor grad, bool add);

}  // namespace grpo
