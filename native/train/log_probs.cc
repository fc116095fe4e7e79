#include "train/log_probs.h"

#include <algorithm>
#include <utility>

#include "kernels/add_rows.h"
#include "tree/index_tensors.h"

namespace grpo {
namespace {

// A chunk is one product with the vocabulary. On a CPU a block is as many of its rows as stay in the cache
// from one pass over them to the next. On a GPU a block is a chunk, as each pass costs a launch, and some
// three times a chunk's bytes are needed. Its size doesn't follow the free memory: numbers depend, in their
// last digits, on how many rows a product has, and the same seed is to give the same numbers.
constexpr int64_t kChunkBytes = 128 << 20, kBlockBytes = 8 << 20, kDeviceChunkBytes = 256 << 20;

int64_t rows_of(int64_t bytes, int64_t vocab) {
  return std::max<int64_t>(1, bytes / (vocab * static_cast<int64_t>(sizeof(float))));
}

}  // namespace

std::vector<LogProbs::Chunk> LogProbs::chunks_of(const std::vector<int64_t>& target_rows) const {
  const int64_t rows = hidden_.size(0);
  const int64_t size = rows_of(hidden_.is_cpu() ? kChunkBytes : kDeviceChunkBytes, lm_head_.weight->shape[0]);
  std::vector<Chunk> chunks;
  auto begin = target_rows.begin();
  for (int64_t first = 0; first < rows; first += size) {
    const int64_t count = std::min(size, rows - first);
    const auto end = std::lower_bound(begin, target_rows.end(), first + count);
    chunks.push_back({first, count, begin - target_rows.begin(), end - target_rows.begin()});
    begin = end;
  }
  return chunks;
}

at::Tensor LogProbs::log_probs(const Chunk& chunk) const {
  if (known_) return known_.table.index_select(0, chunk.of_rows(known_.rows));
  return log_softmax(chunk, hidden_, lm_head_);
}

at::Tensor LogProbs::log_ratios(const Chunk& chunk, const at::Tensor& logp) const {
  at::Tensor ratios = log_softmax(chunk, reference_.hidden, reference_.lm_head);
  for_blocks(chunk, [&](int64_t first, int64_t count) {
    ratios.narrow(0, first, count).neg_().add_(logp.narrow(0, first, count));
  });
  return ratios;
}

at::Tensor LogProbs::log_softmax(const Chunk& chunk, const at::Tensor& hidden, const Linear& lm_head) const {
  at::Tensor z = lm_head.logits(chunk.of_rows(hidden));  // [count, vocab]
  if (!z.is_cpu()) return z.div_(temperature_).log_softmax(1);
  for_blocks(chunk, [&](int64_t first, int64_t count) {
    at::Tensor block = z.narrow(0, first, count).div_(temperature_);
    block.sub_(block.logsumexp(1, true));
  });
  return z;
}

LogProbs::LogProbs(const at::Tensor& hidden, const Linear& lm_head, const std::vector<int64_t>& target_rows,
                   const std::vector<int64_t>& tokens, double temperature, bool keep,
                   VocabularyRows::Known known, Reference reference)
    : hidden_(hidden),
      lm_head_(lm_head),
      temperature_(temperature),
      chunks_(chunks_of(target_rows)),
      targets_(index_tensors({target_rows, tokens}, hidden.device())),
      known_(std::move(known)),
      reference_(std::move(reference)) {
  const auto options = hidden.options().dtype(at::kFloat);
  logps = at::empty({targets_[0].numel()}, options);
  entropies = at::empty({hidden.size(0)}, options);
  if (reference_) kls = at::empty({hidden.size(0)}, options);
  for (const Chunk& chunk : chunks_) {
    const at::Tensor logp = log_probs(chunk);  // [count, vocab]
    for_blocks(chunk, [&](int64_t first, int64_t count) {
      const at::Tensor block = logp.narrow(0, first, count);
      entropies.narrow(0, chunk.first + first, count).copy_(block.exp().mul_(block).sum(1).neg_());
    });
    chunk.of_targets(logps).copy_(logp.index({row_of_targets(chunk), token_of_targets(chunk)}));
    if (keep && chunks_.size() == 1) kept_ = logp;
    if (!reference_) continue;
    const at::Tensor ratios = log_ratios(chunk, logp);  // [count, vocab]
    for_blocks(chunk, [&](int64_t first, int64_t count) {
      const at::Tensor p = logp.narrow(0, first, count).exp();
      kls.narrow(0, chunk.first + first, count).copy_(p.mul(ratios.narrow(0, first, count)).sum(1));
    });
    if (kept_.defined()) kept_ratios_ = ratios;
  }
}

void LogProbs::for_blocks(const Chunk& chunk, const std::function<void(int64_t, int64_t)>& body) const {
  const int64_t rows = hidden_.is_cpu() ? rows_of(kBlockBytes, lm_head_.weight->shape[0]) : chunk.count;
  for (int64_t first = 0; first < chunk.count; first += rows)
    body(first, std::min(rows, chunk.count - first));
}

// With p = softmax(z): d logp(a) / dz = 1[a] - p, d entropy / dz = -p (log p + entropy), and
// d KL / dz = p (log p - log q - KL).
at::Tensor LogProbs::backward(const at::Tensor& d_logps, const at::Tensor& d_entropies,
                              const at::Tensor& d_kls) {
  at::Tensor d_hidden = at::empty_like(hidden_);
  for (const Chunk& chunk : chunks_) {
    at::Tensor dz = kept_.defined() ? std::exchange(kept_, {}) : log_probs(chunk);  // [count, vocab]
    at::Tensor ratios = std::exchange(kept_ratios_, {});
    if (d_kls.defined() && !ratios.defined()) ratios = log_ratios(chunk, dz);
    const at::Tensor row = row_of_targets(chunk);
    const at::Tensor d_target = chunk.of_targets(d_logps);
    // The sum over a row's targets, which is multiplied by -p below.
    at::Tensor sum = at::zeros({chunk.count}, d_logps.options());
    add_rows(sum, row, d_target);
    sum = sum.unsqueeze(1);
    for_blocks(chunk, [&](int64_t first, int64_t count) {
      const auto of_block = [&](const at::Tensor& rows) {
        return rows.narrow(0, chunk.first + first, count).unsqueeze(1);
      };
      at::Tensor block = dz.narrow(0, first, count);  // [count, vocab]: log p, overwritten by dL/dz
      at::Tensor factor = sum.narrow(0, first, count);
      if (d_entropies.defined())
        factor = (block + of_block(entropies)).mul_(of_block(d_entropies)).add_(factor);
      if (d_kls.defined())
        factor = (of_block(kls) - ratios.narrow(0, first, count)).mul_(of_block(d_kls)).add_(factor);
      block.exp_().mul_(factor.div(-temperature_));
    });
    dz.index_put_({row, token_of_targets(chunk)}, d_target / temperature_, /*accumulate=*/true);
    chunk.of_rows(d_hidden).copy_(lm_head_.backward(dz.to(hidden_.scalar_type()), chunk.of_rows(hidden_)));
  }
  return d_hidden;
}

}  // namespace grpo
