// The KV cache of a growing token forest, one row per node, and the activations for a backward: those that
// would cost much to compute again (activation checkpointing recomputes the rest).
#pragma once
#include <ATen/ATen.h>

#include <vector>

#include "model/config.h"

namespace grpo {

class Trace {
 public:
  struct Layer {
    at::Tensor keys, values;           // [rows, KV heads, head_dim], keys rotated: the KV cache
    at::Tensor input;                  // [rows, hidden] the residual stream before attention
    at::Tensor raw_queries, raw_keys;  // before q_norm and k_norm; only where the model has these
    at::Tensor queries;                // [rows, heads, head_dim], rotated
    at::Tensor attended;               // [rows, heads * head_dim]
    at::Tensor middle;                 // [rows, hidden] the residual stream after attention
    at::Tensor gate, up;               // [rows, intermediate]
  };

  // Without `for_backward` only the KV cache and the last layer's output are kept; every layer overwrites the
  // rest.
  Trace(const ModelConfig& config, at::TensorOptions options, bool for_backward);

  // Adds `count` rows. `limit`: the most rows that there will ever be.
  void extend(int64_t count, int64_t limit);
  // The rows that the last `extend` added, for the forward to write.
  Layer fresh(size_t layer) const;
  at::Tensor fresh_output() const { return output_.narrow(0, size_ - fresh_, fresh_); }

  // All rows, and unused ones after them.
  const Layer& layer(size_t index) const { return layers_[index]; }
  const at::Tensor& output() const { return output_; }  // [capacity, hidden] after the last layer
  int64_t size() const { return size_; }
  bool for_backward() const { return for_backward_; }

 private:
  struct Field {
    at::Tensor Layer::* tensor;
    std::vector<int64_t> row;  // shape of a row
    bool kept;                 // of every layer; else overwritten by the next layer
  };

  // How many rows the first allocation has room for, if there can be as many.
  int64_t initial_rows() const;
  at::Tensor empty(int64_t rows, const std::vector<int64_t>& row) const;

  const at::TensorOptions options_;
  const bool for_backward_;
  const int64_t hidden_size_;
  std::vector<Field> fields_;
  int64_t size_ = 0, fresh_ = 0, capacity_ = 0, scratch_capacity_ = 0;
  std::vector<Layer> layers_;  // fields that are kept
  Layer scratch_;              // fields that are not, for the fresh rows of one layer
  at::Tensor output_;
};

}  // namespace grpo
