// Log-probs of tokens and entropies over the vocabulary, and their derivatives, a chunk of [rows, vocab]
// logits at a time, so that memory does not grow with the batch.
#pragma once
#include <functional>
#include <vector>

#include "model/computed_forest.h"

namespace grpo {

class LogProbs {
 public:
  // hidden: [rows, hidden]; target i is `tokens[i]` predicted from row `target_rows[i]`, rows ascending.
  // The rows' log-probs are taken from `known`, unless it is empty. Else they are computed in chunks, and
  // once more for the backward unless `keep` is set and one chunk holds all of them.
  LogProbs(const at::Tensor& hidden, const Linear& lm_head, const std::vector<int64_t>& target_rows,
           const std::vector<int64_t>& tokens, double temperature, bool keep, VocabularyRows::Known known);

  at::Tensor logps;      // [targets] log softmax(logits / temperature)[token], nats
  at::Tensor entropies;  // [rows] of softmax(logits / temperature), nats
  // Rows whose logits were computed for these.
  int64_t computed_rows() const { return known_ ? 0 : hidden_.size(0); }

  // Adds to the gradient of lm_head and returns dL/dhidden. d_logps: [targets]; d_entropies: [rows], or
  // undefined where the loss does not depend on entropies. To be called once at most.
  at::Tensor backward(const at::Tensor& d_logps, const at::Tensor& d_entropies);

 private:
  // Rows [first, first + count) and their targets [begin, end).
  struct Chunk {
    int64_t first, count, begin, end;
    at::Tensor of_rows(const at::Tensor& x) const { return x.narrow(0, first, count); }
    at::Tensor of_targets(const at::Tensor& x) const { return x.narrow(0, begin, end - begin); }
  };
  std::vector<Chunk> chunks_of(const std::vector<int64_t>& target_rows) const;
  // Of the chunk's targets: the row, counted within the chunk, and the token.
  at::Tensor row_of_targets(const Chunk& chunk) const { return chunk.of_targets(targets_[0]) - chunk.first; }
  at::Tensor token_of_targets(const Chunk& chunk) const { return chunk.of_targets(targets_[1]); }
  // Calls body(first, count) for one block of the chunk's rows after another.
  void for_blocks(const Chunk& chunk, const std::function<void(int64_t, int64_t)>& body) const;
  // [count, vocab] float32, which the caller may overwrite
  at::Tensor log_probs(const Chunk& chunk) const;

  const at::Tensor hidden_;
  const Linear lm_head_;
  const double temperature_;
  const std::vector<Chunk> chunks_;
  const std::vector<at::Tensor> targets_;  // their rows [targets] and their tokens [targets]
  const VocabularyRows::Known known_;
  at::Tensor kept_;  // the log-probs for the backward, where one chunk holds all
};

}  // namespace grpo
