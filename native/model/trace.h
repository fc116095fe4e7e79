// What forwards over a growing forest leave behind, a row a node: keys and values, which later
// nodes attend to, and, for a backward, all that it can't make again at little cost.
#pragma once
#include <ATen/ATen.h>

#include <vector>

#include "model/config.h"

namespace grpo {

class Trace {
 public:
  struct Layer {
    at::Tensor keys, values;           // [rows, key heads, head_dim], keys rotated
    at::Tensor input;                  // [rows, hidden] the residual stream before attention
    at::Tensor raw_queries, raw_keys;  // before their norms; only where the model has these
    at::Tensor queries;                // [rows, heads, head_dim], rotated
    at::Tensor attended;               // [rows, heads * head_dim]
    at::Tensor middle;                 // [rows, hidden] the residual stream after attention
    at::Tensor gate, up;               // [rows, intermediate]
  };

  // Without `for_backward` only keys, values and the output stay; every layer overwrites the rest.
  Trace(const ModelConfig& config, at::TensorOptions options, bool for_backward);

  // Makes room for `count` more rows. `limit`: rows that there will never be more of.
  void extend(int64_t count, int64_t limit);
  // The rows of the last `extend`, to be written.
  Layer fresh(size_t layer) const;
  at::Tensor fresh_output() const { return output_.narrow(0, size_ - fresh_, fresh_); }

  // All rows, and room for more.
  const Layer& layer(size_t index) const { return layers_[index]; }
  const at::Tensor& output() const { return output_; }  // [capacity, hidden] after the last layer
  int64_t size() const { return size_; }
  bool for_backward() const { return for_backward_; }

 private:
  struct Slot {
    at::Tensor Layer::* tensor;
    std::vector<int64_t> row;  // shape of a row
    bool stays;
  };

  // Rows that are asked for in the first place, if there can be as many.
  int64_t rows_at_once() const;
  at::Tensor empty(int64_t rows, const std::vector<int64_t>& row) const;

  const at::TensorOptions options_;
  const bool for_backward_;
  const int64_t hidden_size_;
  std::vector<Slot> slots_;
  int64_t size_ = 0, fresh_ = 0, capacity_ = 0, passing_capacity_ = 0;
  std::vector<Layer> layers_;  // what stays
  Layer passing_;              // what doesn't
  at::Tensor output_;
};

}  // namespace grpo
