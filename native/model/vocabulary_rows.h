// Log-probs over the whole vocabulary after nodes of a token forest. Sampling computes them to draw a token;
// cached, the training forward of the same weights needs no product with the vocabulary.
#pragma once
#include <ATen/ATen.h>

#include <unordered_map>
#include <vector>

namespace grpo {

class VocabularyRows {
 public:
  // The i-th node's log-probs are row rows[i] of `table` [any, vocab].
  struct Known {
    at::Tensor table, rows;
    explicit operator bool() const { return table.defined(); }
  };

  // logps: [nodes, vocab] float32, at `temperature`. When there is no more room the whole cache is dropped:
  // it helps only where it has the row of every node of a batch.
  void keep(const std::vector<int64_t>& nodes, const at::Tensor& logps, double temperature);
  // Empty where one of the rows is missing, or was computed at another temperature.
  Known find(const std::vector<int64_t>& nodes, double temperature) const;

 private:
  at::Tensor table_;
  std::unordered_map<int64_t, int64_t> row_of_;  // by node
  double temperature_ = 0;
  bool dropped_ = false;
};

}  // namespace grpo
