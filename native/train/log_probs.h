// Log-probs of tokens, entropies over the vocabulary and the KL to the reference model over it, with their
// derivatives, a chunk of [rows, vocab] logits at a time, so that memory does not grow with the batch.
#pragma once
#include <functional>
#include <vector>

#include "model/computed_forest.h"

namespace grpo {

class LogProbs {
 public:
  // The frozen model that the KL is taken to: [rows, hidden] its hidden states, of the same rows. Without
  // them there is no KL.
  struct Reference {
    at::Tensor hidden;
    Linear lm_head;
    explicit operator bool() const { return hidden.defined(); }
  };

  // hidden: [rows, hidden]; target i is `tokens[i]` predicted from row `target_rows[i]`, rows ascending.
  // The rows' log-probs are taken from `known`, unless it is empty. Else they are computed in chunks, and
  // once more for the backward unless `keep` is set and one chunk holds all of them.
  LogProbs(const at::Tensor& hidden, const Linear& lm_head, const std::vector<int64_t>& target_rows,
           const std::vector<int64_t>& tokens, double temperature, bool keep, VocabularyRows::Known known,
           Reference reference);

  at::Tensor logps;      // [targets] log softmax(logits / temperature)[token], nats
  at::Tensor entropies;  // [rows] of softmax(logits / temperature), nats
  // [rows] sum of p (log p - log q), nats, with p and q the policy's and the reference's softmax(logits /
  // temperature) (Amini et al. 2025, arXiv:2504.10637); undefined without a reference
  at::Tensor kls;
  // Rows whose logits were computed for these.
  int64_t computed_rows() const { return known_ ? 0 : hidden_.size(0); }

  // Adds to the gradient of lm_head and returns dL/dhidden. d_logps: [targets]; d_entropies and d_kls:
  // [rows], or undefined where the loss does not depend on them. To be called once at most.
  at::Tensor backward(const at::Tensor& d_logps, const at::Tensor& d_entropies, const at::Tensor& d_kls);

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
  at::Tensor log_softmax(const Chunk& chunk, const at::Tensor& hidden, const Linear& lm_head) const;
  at::Tensor log_probs(const Chunk& chunk) const;
  // log p - log q, given log p
  at::Tensor log_ratios(const Chunk& chunk, const at::Tensor& logp) const;

  const at::Tensor hidden_;
  const Linear lm_head_;
  const double temperature_;
  const std::vector<Chunk> chunks_;
  const std::vector<at::Tensor> targets_;  // their rows [targets] and their tokens [targets]
  const VocabularyRows::Known known_;
  const Reference reference_;
  // The log-probs and log ratios for the backward, where one chunk holds all.
  at::Tensor kept_, kept_ratios_;
};

}  // namespace grpo
