#include "tree/layout.h"

#include <algorithm>
#include <limits>
#include <map>

namespace grpo {
namespace {

at::Tensor to_device(const std::vector<int64_t>& values, at::Device device) {
  return at::tensor(values, at::kLong).to(device);
}

// Rows of similar size (the same power of two) share a band, so that padding at most doubles the work of a
// row. Each band costs a dozen operations a layer, so all paths of up to kShortPath count as one size.
constexpr int64_t kShortPath = 32;
int64_t bucket(int64_t size, int64_t power = 1) {
  while (power < size) power *= 2;
  return power;
}

Band band_of(const std::vector<const Segment*>& rows, int64_t first, const LayoutOptions& options,
             std::vector<int64_t>& output_rows, int64_t& offset) {
  int64_t width = 0, depth = 0;
  for (const auto* row : rows) {
    width = std::max(width, row->count);
    depth = std::max(depth, static_cast<int64_t>(row->path.size()));
  }
  const int64_t count = static_cast<int64_t>(rows.size());
  std::vector<int64_t> queries(count * width, rows[0]->first - first), keys(count * depth, rows[0]->path[0]);
  at::Tensor mask = at::full({count, width, depth}, -std::numeric_limits<float>::infinity());
  float* open = mask.data_ptr<float>();
  for (int64_t r = 0; r < count; ++r) {
    const Segment& row = *rows[r];
    const int64_t length = static_cast<int64_t>(row.path.size());
    std::copy(row.path.begin(), row.path.end(), keys.begin() + r * depth);
    for (int64_t w = 0; w < width; ++w) {
      // A padded query attends to one key, as a softmax over none would be NaN; its output is not read.
      int64_t visible = 1;
      if (w < row.count) {
        queries[r * width + w] = row.first + w - first;
        output_rows[row.first + w - first] = offset + r * width + w;
        visible = length - row.count + w + 1;
      }
      std::fill_n(open + (r * width + w) * depth, visible, 0.0f);
    }
  }
  offset += count * width;
  mask = mask.unsqueeze(1).repeat({1, options.heads_per_kv_head, 1, 1}).view({count, 1, -1, depth});
  return {to_device(queries, options.device),
          to_device(keys, options.device),
          mask.to(options.device, options.mask_type),
          count,
          width,
          depth};
}

}  // namespace

Layout layout_of(const Forest& forest, int64_t first, const std::vector<Segment>& segments,
                 const LayoutOptions& options) {
  const int64_t count = forest.size() - first;
  std::vector<int64_t> tokens(count), positions(count), output_rows(count);
  for (int64_t i = 0; i < count; ++i) {
    tokens[i] = forest.token(first + i);
    positions[i] = forest.position(first + i);
  }
  std::map<std::pair<int64_t, int64_t>, std::vector<const Segment*>> groups;
  for (const auto& segment : segments) {
    groups[{bucket(segment.count), bucket(static_cast<int64_t>(segment.path.size()), kShortPath)}].push_back(
        &segment);
  }
  Layout layout;
  int64_t offset = 0;
  for (const auto& [size, rows] : groups) {
    layout.bands.push_back(band_of(rows, first, options, output_rows, offset));
  }
  layout.tokens = to_device(tokens, options.device);
  layout.positions = to_device(positions, options.device);
  layout.output_rows = to_device(output_rows, options.device);
  return layout;
}

}  // namespace grpo
