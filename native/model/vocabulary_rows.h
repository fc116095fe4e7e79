// Log-probs over the whole vocabulary after nodes of a forest: what sampling draws from, and training
// would otherwise compute again.
#pragma once
#include <ATen/ATen.h>

#include <unordered_map>
#include <vector>

namespace grpo {

class VocabularyRows {
 public:
  // Row rows[i] of `table` [any, vocab], for each node that was asked for.
  struct Known {
    at::Tensor table, rows;
    explicit operator bool() const { return table.defined(); }
  };

  // logps: [nodes, vocab] float32, at `temperature`. Beyond what there is room for, all are given up:
  // who asks wants the rows of every node.
  void keep(const std::vector<int64_t>& nodes, const at::Tensor& logps, double temperature);
  // Nothing, where a node's row is not there or was at another temperature.
  Known find(const std::vector<int64_t>& nodes, double temperature) const;

 private:
  at::Tensor table_;
  std::unordered_map<int64_t, int64_t> row_of_;  // by node
  double temperature_ = 0;
  bool given_up_ = false;
};

}  // namespace grpo
