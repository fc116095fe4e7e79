// Who attends to whom, as index tensors that any device can gather by.
//
// Nodes are computed in bands. A band is a padded rectangle of rows; a row is a few nodes that
// follow each other on one path (its queries) and that whole path (its keys). Work is
// own nodes x path length, as for packed sequences with a shared prompt; nothing, the mask
// included, grows with the square of the tree.
#pragma once
#include "tree/forest.h"

namespace grpo {

struct Band {
  at::Tensor queries;  // [rows * width] index into the nodes being computed
  at::Tensor keys;     // [rows * depth] index into the key/value rows
  at::Tensor mask;     // [rows, 1, heads per key head * width, depth], 0 or -inf
  int64_t rows, width, depth;
};

struct Layout {
  at::Tensor tokens;     // [nodes]
  at::Tensor positions;  // [nodes]
  std::vector<Band> bands;
  at::Tensor output_rows;  // [nodes] where each node's output lies in the bands, one after another
};

struct LayoutOptions {
  int64_t heads_per_key_head;
  at::ScalarType mask_type;
  at::Device device;
};

// Lays out the nodes [first, forest.size()), which `segments` partition. Queries count from
// `first`; keys are node numbers, as the key/value rows are kept in node order.
Layout layout_of(const Forest& forest, int64_t first, const std::vector<Segment>& segments,
                 const LayoutOptions& options);

}  // namespace grpo
