// A weight and its gradient, which an operation that has the weight adds to in place, so that no second
// copy of 2 GB ever exists.
#pragma once
#include <ATen/ATen.h>

#include <string>
#include <vector>

namespace grpo {

struct Parameter {
  std::string name;  // the checkpoint's
  std::vector<int64_t> shape;
  at::Tensor master;      // float32; what the optimiser updates
  at::Tensor value;       // what is computed with: master, or its bfloat16 copy (see `freeze`)
  at::Tensor grad;        // float32, allocated at the first gradient
  bool has_grad = false;  // false: `grad` holds garbage, and the next one overwrites it

  // `value` in x's type.
  at::Tensor value_as(const at::Tensor& x) const { return value.to(x.scalar_type()); }
  // For forwards alone: no master, and a matrix in bfloat16 where that is exactly what `numbers` are.
  void freeze(const at::Tensor& numbers);
  void zero_grad() { has_grad = false; }
  // grad += a^T b. a: [n, rows], b: [n, columns]
  void add_product_grad(const at::Tensor& a, const at::Tensor& b);
  // grad += g, of the parameter's shape
  void add_grad(const at::Tensor& g);
  // grad[rows[i]] += g[i]. rows: [n], g: [n, columns]
  void add_row_grad(const at::Tensor& rows, const at::Tensor& g);

 private:
  void allocate_grad();
};

}  // namespace grpo
