// Log-probs and entropies over the vocabulary, without holding more of [rows, vocab] than there is room for.
#pragma once
#include <functional>
#include <vector>

#include "model/computed_forest.h"

namespace grpo {

class LogProbs {
 public:
  // hidden: [rows, hidden]; target i is `tokens[i]` predicted from row `target_rows[i]`, rows ascending.
  // The log-probs of all rows are those of `known`, where it has any; else they are computed a chunk of
  // rows at a time, and again for the backward unless `keep` is set and all of them were one chunk.
  LogProbs(const at::Tensor& hidden, const Linear& lm_head, const std::vector<int64_t>& target_rows,
           const std::vector<int64_t>& tokens, double temperature, bool keep, VocabularyRows::Known known);

  at::Tensor logps;      // [targets] log softmax(logits / temperature)[token], nats
  at::Tensor entropies;  // [rows] of softmax(logits / temperature), nats
  // Rows multiplied with the vocabulary for them.
  int64_t computed_rows() const { return known_ ? 0 : hidden_.size(0); }

  // Adds to the weight's gradient and gives dL/dhidden. d_logps: [targets]; d_entropies: [rows], or
  // undefined where the loss has no entropy in it. Once.
  at::Tensor backward(const at::Tensor& d_logps, const at::Tensor& d_entropies);

 private:
  // Targets [begin, end) are those of rows [first, first + count).
  struct Chunk {
    int64_t first, count, begin, end;
    at::Tensor of_rows(const at::Tensor& x) const { return x.narrow(0, first, count); }
    at::Tensor of_targets(const at::Tensor& x) const { return x.narrow(0, begin, end - begin); }
  };
  std::vector<Chunk> chunks_of(const std::vector<int64_t>& target_rows) const;
  // Calls body(first, count) for a few of the chunk's rows after another.
  void for_blocks(const Chunk& chunk, const std::function<void(int64_t, int64_t)>& body) const;
  // [count, vocab] float32, for the caller to use up
  at::Tensor log_probs(const Chunk& chunk) const;

  const at::Tensor hidden_;
  const Linear lm_head_;
  const double temperature_;
  const std::vector<Chunk> chunks_;
  const at::Tensor target_rows_, tokens_;  // [targets]
  const VocabularyRows::Known known_;
  at::Tensor kept_;  // the log-probs, where one chunk is all
};

}  // namespace grpo
