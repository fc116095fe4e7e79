// Which nodes attend to which, as index tensors for gathers on any device.
//
// Attention is computed in bands, which are padded batches of rows. A row is a segment of the token tree: its
// nodes are the queries, and its whole path from the root is the keys. Work is own nodes x path length, as
// for packed sequences with a shared prompt; nothing, the mask included, grows with the square of the tree.
#pragma once
#include "tree/forest.h"

namespace grpo {

struct Band {
  at::Tensor queries;          // [rows * width] index into the nodes being computed
  at::Tensor keys;             // [rows * depth] index into the rows of the KV cache
  at::Tensor mask;             // [rows, 1, heads per KV head * width, depth], 0 or -inf
  int64_t rows, width, depth;  // width: queries of a row; depth: keys of a row; both padded
};

struct Layout {
  at::Tensor tokens;     // [nodes]
  at::Tensor positions;  // [nodes]
  std::vector<Band> bands;
  at::Tensor output_rows;  // [nodes] each node's place among the bands' queries, bands one after another
};

struct LayoutOptions {
  int64_t heads_per_kv_head;
  at::ScalarType mask_type;
  at::Device device;
};

// Lays out the nodes [first, forest.size()), which `segments` partition. Query indices count from `first`;
// key indices are node numbers, as the KV cache has its rows in node order.
Layout layout_of(const Forest& forest, int64_t first, const std::vector<Segment>& segments,
                 const LayoutOptions& options);

}  // namespace grpo
