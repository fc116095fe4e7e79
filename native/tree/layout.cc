#include "tree/layout.h"

#include <algorithm>
#include <limits>
#include <map>

#include "tree/index_tensors.h"

namespace grpo {
namespace {

// Rows of similar size (the same power of two) share a band, so that padding at most doubles the work of a
// row. Each band costs a dozen operations a layer, so all paths of up to kShortPath count as one size.
constexpr int64_t kShortPath = 32;
int64_t bucket(int64_t size, int64_t power = 1) {
  while (power < size) power *= 2;
  return power;
}

// A band's indices, still on the host.
struct BandIndices {
  std::vector<int64_t> queries, keys;
  std::vector<int64_t>
      visible;  // [rows * width] how many of its row's keys a query attends to: the first ones
  int64_t rows, width, depth;
};

BandIndices indices_of(const std::vector<const Segment*>& rows, int64_t first,
                       std::vector<int64_t>& output_rows, int64_t& offset) {
  int64_t width = 0, depth = 0;
  for (const auto* row : rows) {
    width = std::max(width, row->count);
    depth = std::max(depth, static_cast<int64_t>(row->path.size()));
  }
  const int64_t count = static_cast<int64_t>(rows.size());
  // A padded query attends to one key, as a softmax over none would be NaN; its output is not read.
  BandIndices band{std::vector<int64_t>(count * width, rows[0]->first - first),
                   std::vector<int64_t>(count * depth, rows[0]->path[0]),
                   std::vector<int64_t>(count * width, 1),
                   count,
                   width,
                   depth};
  for (int64_t r = 0; r < count; ++r) {
    const Segment& row = *rows[r];
    const int64_t length = static_cast<int64_t>(row.path.size());
    std::copy(row.path.begin(), row.path.end(), band.keys.begin() + r * depth);
    for (int64_t w = 0; w < row.count; ++w) {
      band.queries[r * width + w] = row.first + w - first;
      band.visible[r * width + w] = length - row.count + w + 1;
      output_rows[row.first + w - first] = offset + r * width + w;
    }
  }
  offset += count * width;
  return band;
}

// Made where it is used, of `visible` [rows * width]: a mask is many times larger than that.
at::Tensor mask_of(const at::Tensor& visible, const BandIndices& band, const LayoutOptions& options) {
  const at::Tensor hidden =
      at::arange(band.depth, visible.options()) >= visible.view({band.rows, 1, 1, band.width, 1});
  const int64_t heads = options.heads_per_kv_head;
  return at::zeros(hidden.sizes(), visible.options().dtype(options.mask_type))
      .masked_fill_(hidden, -std::numeric_limits<double>::infinity())
      .expand({band.rows, 1, heads, band.width, band.depth})
      .reshape({band.rows, 1, heads * band.width, band.depth});
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
  std::vector<BandIndices> bands;
  int64_t offset = 0;
  for (const auto& [size, rows] : groups) bands.push_back(indices_of(rows, first, output_rows, offset));

  std::vector<std::vector<int64_t>> lists{std::move(tokens), std::move(positions), std::move(output_rows)};
  for (BandIndices& band : bands) {
    lists.push_back(std::move(band.queries));
    lists.push_back(std::move(band.keys));
    lists.push_back(std::move(band.visible));
  }
  const auto sent = index_tensors(lists, options.device);
  Layout layout{sent[0], sent[1], {}, sent[2]};
  auto next = sent.begin() + 3;
  for (const BandIndices& band : bands) {
    const at::Tensor queries = *next++, keys = *next++, mask = mask_of(*next++, band, options);
    layout.bands.push_back({queries, keys, mask, band.rows, band.width, band.depth});
  }
  return layout;
}

}  // namespace grpo
