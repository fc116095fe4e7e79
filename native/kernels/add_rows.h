// Adding rows to others by index, in the same order every time.
#pragma once
#include <ATen/ATen.h>

namespace grpo {

// sum[index[i]] += x[i]. index: [n], with repetitions; x: [n, ...], of the type of `sum`.
inline void add_rows(at::Tensor& sum, const at::Tensor& index, const at::Tensor& x) {
  if (sum.is_cpu()) {
    sum.index_add_(0, index, x);
  } else {
    // On a GPU index_add_ adds by atomics, in any order. This sorts by index first.
    sum.index_put_({index}, x, /*accumulate=*/true);
  }
}

}  // namespace grpo
