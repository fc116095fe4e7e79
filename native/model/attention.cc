#include "model/attention.h"

namespace grpo {

at::Tensor attend(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
                  const Layout& layout) {
  const int64_t heads = queries.size(1), head_dim = queries.size(2);
  const int64_t key_heads = keys.size(1), group = heads / key_heads;
  std::vector<at::Tensor> outputs;
  for (const Band& band : layout.bands) {
    // The heads that share a key head become further queries of it: no key is ever repeated.
    const at::Tensor q = queries.index_select(0, band.queries)
                             .view({band.rows, band.width, key_heads, group, head_dim})
                             .permute({0, 2, 3, 1, 4})
                             .reshape({band.rows, key_heads, group * band.width, head_dim});
    const auto along_path = [&](const at::Tensor& x) {  // [rows, key heads, depth, head_dim]
      return x.index_select(0, band.keys).view({band.rows, band.depth, key_heads, head_dim}).transpose(1, 2);
    };
    const at::Tensor out =
        at::scaled_dot_product_attention(q, along_path(keys), along_path(values), band.mask);
    outputs.push_back(out.view({band.rows, key_heads, group, band.width, head_dim})
                          .permute({0, 3, 1, 2, 4})
                          .reshape({band.rows * band.width, heads * head_dim}));
  }
  return at::cat(outputs).index_select(0, layout.output_rows);
}

std::pair<at::Tensor, at::Tensor> rotary_table(const at::Tensor& positions, const at::Tensor& inv_freq,
                                               at::ScalarType type) {
  const at::Tensor angles = positions.to(at::kFloat).unsqueeze(1) * inv_freq;  // [nodes, head_dim / 2]
  const at::Tensor both = at::cat({angles, angles}, 1).unsqueeze(1);
  return {both.cos().to(type), both.sin().to(type)};
}

at::Tensor rotate(const at::Tensor& x, const std::pair<at::Tensor, at::Tensor>& table) {
  const auto halves = x.chunk(2, -1);
  return x * table.first + at::cat({-halves[1], halves[0]}, -1) * table.second;
}

}  // namespace grpo
