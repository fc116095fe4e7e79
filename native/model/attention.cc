#include "model/attention.h"

#include <algorithm>
#include <cmath>

#include "kernels/add_rows.h"
#include "kernels/matmul_backend.h"
#include "kernels/product.h"

namespace grpo {
namespace {

// Grouped-query attention without a copy of the keys for each head: the query heads that share a KV head
// become further queries of it.
// x: [rows * width, heads, head_dim] -> [rows, KV heads, group * width, head_dim]
at::Tensor by_kv_head(const at::Tensor& x, const Band& band, int64_t kv_heads) {
  const int64_t heads = x.size(1), head_dim = x.size(2), group = heads / kv_heads;
  return x.view({band.rows, band.width, kv_heads, group, head_dim})
      .permute({0, 2, 3, 1, 4})
      .reshape({band.rows, kv_heads, group * band.width, head_dim});
}

// The inverse: -> [rows * width, heads * head_dim]
at::Tensor by_query(const at::Tensor& x, const Band& band, int64_t heads) {
  const int64_t kv_heads = x.size(1), head_dim = x.size(3);
  return x.view({band.rows, kv_heads, heads / kv_heads, band.width, head_dim})
      .permute({0, 3, 1, 2, 4})
      .reshape({band.rows * band.width, heads * head_dim});
}

// Keys or values of each row's path: [KV rows, KV heads, head_dim] -> [rows, KV heads, depth, head_dim]
at::Tensor along_path(const at::Tensor& x, const Band& band) {
  return x.index_select(0, band.keys).view({band.rows, band.depth, x.size(1), x.size(2)}).transpose(1, 2);
}

// The derivative of along_path: adds x [rows, KV heads, depth, head_dim] to the rows it was gathered from.
void add_along_path(at::Tensor& sum, const at::Tensor& x, const Band& band) {
  add_rows(sum, band.keys, x.transpose(1, 2).reshape({band.rows * band.depth, sum.size(1), sum.size(2)}));
}

}  // namespace

// Attention has many small products, which oneDNN takes longer to prepare than to compute: here and in the
// backward MKL multiplies them.
at::Tensor attend(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
                  const Layout& layout) {
  const MatmulPrecision by_mkl("mkl");
  const int64_t heads = queries.size(1), kv_heads = keys.size(1);
  std::vector<at::Tensor> outputs;
  for (const Band& band : layout.bands) {
    const at::Tensor q = by_kv_head(queries.index_select(0, band.queries), band, kv_heads);
    const at::Tensor out =
        at::scaled_dot_product_attention(q, along_path(keys, band), along_path(values, band), band.mask);
    outputs.push_back(by_query(out, band, heads));
  }
  return at::cat(outputs).index_select(0, layout.output_rows);
}

// With P = softmax(S), S = Q K^T / sqrt(head_dim) + mask, O = P V:
//   dV = P^T dO,  dS = P (dP - sum(P dP)) with dP = dO V^T,  dQ = dS K / sqrt(..),  dK = dS^T Q / sqrt(..)
// On a GPU S, P, dP and dS are float32, as within the forward: scores of some tens rounded to bfloat16 would
// give another softmax than the forward's. So are the sums over all nodes that share a key.
AttentionGrads attend_backward(const at::Tensor& g, const at::Tensor& queries, const at::Tensor& keys,
                               const at::Tensor& values, const Layout& layout) {
  const MatmulPrecision by_mkl("mkl");
  const int64_t heads = queries.size(1), kv_heads = keys.size(1), head_dim = queries.size(2);
  const double scale = 1 / std::sqrt(static_cast<double>(head_dim));
  // Padded queries have a derivative of 0.
  int64_t slots = 0;
  for (const Band& band : layout.bands) slots += band.rows * band.width;
  at::Tensor d_slots = at::zeros({slots, heads, head_dim}, g.options());
  d_slots.index_copy_(0, layout.output_rows, g.view({-1, heads, head_dim}));

  std::vector<at::Tensor> d_queries;
  const at::TensorOptions sums = keys.options().dtype(product_type(keys));
  at::Tensor d_keys = at::zeros(keys.sizes(), sums), d_values = at::zeros(values.sizes(), sums);
  int64_t offset = 0;
  for (const Band& band : layout.bands) {
    const int64_t size = band.rows * band.width;
    const at::Tensor q = operand(by_kv_head(queries.index_select(0, band.queries), band, kv_heads));
    const at::Tensor k = operand(along_path(keys, band)), v = operand(along_path(values, band));
    const at::Tensor d_out = operand(by_kv_head(d_slots.narrow(0, offset, size), band, kv_heads));
    offset += size;
    const at::Tensor p = product(q, k.transpose(2, 3)).mul_(scale).add_(band.mask).softmax(-1);
    add_along_path(d_values, product(p.transpose(2, 3), d_out), band);
    const at::Tensor d_scores =
        at::_softmax_backward_data(product(d_out, v.transpose(2, 3)), p, -1, p.scalar_type()).mul_(scale);
    add_along_path(d_keys, product(d_scores.transpose(2, 3), q), band);
    d_queries.push_back(by_query(product(d_scores, k), band, heads));
  }
  const at::ScalarType type = g.scalar_type();
  return {at::cat(d_queries).index_select(0, layout.output_rows).view({-1, heads, head_dim}).to(type),
          d_keys.to(type), d_values.to(type)};
}

Rotation::Rotation(const at::Tensor& positions, const at::Tensor& inv_freq, at::ScalarType type) {
  const at::Tensor angles = positions.to(at::kFloat).unsqueeze(1) * inv_freq;  // [nodes, head_dim / 2]
  const at::Tensor both = at::cat({angles, angles}, 1).unsqueeze(1);
  cos = both.cos().to(type);
  sin = both.sin().to(type);
}

at::Tensor Rotation::turn(const at::Tensor& x, const at::Tensor& sine) const {
  const auto halves = x.chunk(2, -1);
  return x * cos + at::cat({-halves[1], halves[0]}, -1) * sine;
}

}  // namespace grpo
