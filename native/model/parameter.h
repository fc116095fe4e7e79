// A weight and its gradient. Layers add to the gradient in place, so that a second copy of it (2 GB for a
// model of 0.5B parameters) never exists.
#pragma once
#include <ATen/ATen.h>

#include <string>
#include <vector>

namespace grpo {

struct Parameter {
  std::string name;  // in the checkpoint
  std::vector<int64_t> shape;
  bool trainable = true;  // false: a weight for forwards alone, whose `master` is its `value`
  at::Tensor master;      // float32; what the optimiser updates
  at::Tensor value;       // what layers compute with: the master itself, or its bfloat16 copy (see `freeze`)
  at::Tensor grad;        // float32, allocated at the first gradient
  bool has_grad = false;  // false: `grad` is undefined or stale, and the next gradient overwrites it

  // `value` in x's type.
  at::Tensor value_as(const at::Tensor& x) const { return value.to(x.scalar_type()); }
  // Makes this a weight for forwards alone, without a master. Matrices are kept in bfloat16 where all of
  // `numbers` are exact in it.
  void freeze(const at::Tensor& numbers);
  // Makes this a weight for forwards alone, which has `value` in common with another one.
  void share(const at::Tensor& value);
  void zero_grad() { has_grad = false; }
  // Makes `grad` valid: zeros where there was none.
  void need_grad();
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
