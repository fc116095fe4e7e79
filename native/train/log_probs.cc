#include "train/log_probs.h"

#include <algorithm>
#include <utility>

namespace grpo {
namespace {

// A chunk is one product with the vocabulary. A block is as many of its rows as stay in the CPU's cache from
// one pass over them to the next.
constexpr int64_t kChunkBytes = 128 << 20, kBlockBytes = 8 << 20;

int64_t rows_of(int64_t bytes, int64_t vocab) {
  return std::max<int64_t>(1, bytes / (vocab * static_cast<int64_t>(sizeof(float))));
}

at::Tensor on_device_of(const at::Tensor& x, const std::vector<int64_t>& values) {
  return at::tensor(values, at::kLong).to(x.device());
}

}  // namespace

std::vector<LogProbs::Chunk> LogProbs::chunks_of(const std::vector<int64_t>& target_rows) const {
  const int64_t rows = hidden_.size(0), size = rows_of(kChunkBytes, lm_head_.weight->shape[0]);
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
  at::Tensor z = lm_head_.logits(chunk.of_rows(hidden_));  // [count, vocab]
  for_blocks(chunk, [&](int64_t first, int64_t count) {
    at::Tensor block = z.narrow(0, first, count).div_(temperature_);
    block.sub_(block.logsumexp(1, true));
  });
  return z;
}

LogProbs::LogProbs(const at::Tensor& hidden, const Linear& lm_head, const std::vector<int64_t>& target_rows,
                   const std::vector<int64_t>& tokens, double temperature, bool keep,
                   VocabularyRows::Known known)
    : hidden_(hidden),
      lm_head_(lm_head),
      temperature_(temperature),
      chunks_(chunks_of(target_rows)),
      target_rows_(on_device_of(hidden, target_rows)),
      tokens_(on_device_of(hidden, tokens)),
      known_(std::move(known)) {
  const auto options = hidden.options().dtype(at::kFloat);
  logps = at::empty({target_rows_.numel()}, options);
  entropies = at::empty({hidden.size(0)}, options);
  for (const Chunk& chunk : chunks_) {
    const at::Tensor logp = log_probs(chunk);  // [count, vocab]
    for_blocks(chunk, [&](int64_t first, int64_t count) {
      const at::Tensor block = logp.narrow(0, first, count);
      entropies.narrow(0, chunk.first + first, count).copy_(block.exp().mul_(block).sum(1).neg_());
    });
    const at::Tensor row = chunk.of_targets(target_rows_) - chunk.first;
    chunk.of_targets(logps).copy_(logp.index({row, chunk.of_targets(tokens_)}));
    if (keep && chunks_.size() == 1) kept_ = logp;
  }
}

void LogProbs::for_blocks(const Chunk& chunk, const std::function<void(int64_t, int64_t)>& body) const {
  const int64_t rows = rows_of(kBlockBytes, lm_head_.weight->shape[0]);
  for (int64_t first = 0; first < chunk.count; first += rows)
    body(first, std::min(rows, chunk.count - first));
}

// With p = softmax(z): d logp(a) / dz = 1[a] - p, and d entropy / dz = -p (log p + entropy).
at::Tensor LogProbs::backward(const at::Tensor& d_logps, const at::Tensor& d_entropies) {
  at::Tensor d_hidden = at::empty_like(hidden_);
  for (const Chunk& chunk : chunks_) {
    at::Tensor dz = kept_.defined() ? std::exchange(kept_, {}) : log_probs(chunk);  // [count, vocab]
    const at::Tensor row = chunk.of_targets(target_rows_) - chunk.first;
    const at::Tensor d_target = chunk.of_targets(d_logps);
    // The sum over a row's targets, which is multiplied by -p below.
    const at::Tensor sum =
        at::zeros({chunk.count}, d_logps.options()).index_add_(0, row, d_target).unsqueeze(1);
    for_blocks(chunk, [&](int64_t first, int64_t count) {
      const auto of_block = [&](const at::Tensor& rows) {
        return rows.narrow(0, chunk.first + first, count).unsqueeze(1);
      };
      at::Tensor block = dz.narrow(0, first, count);  // [count, vocab]: log p, overwritten by dL/dz
      at::Tensor factor = sum.narrow(0, first, count);
      if (d_entropies.defined())
        factor = (block + of_block(entropies)).mul_(of_block(d_entropies)).add_(factor);
      block.exp_().mul_(factor.div(-temperature_));
    });
    dz.index_put_({row, chunk.of_targets(tokens_)}, d_target / temperature_, /*accumulate=*/true);
    chunk.of_rows(d_hidden).copy_(lm_head_.backward(dz.to(hidden_.scalar_type()), chunk.of_rows(hidden_)));
  }
  return d_hidden;
}

}  // namespace grpo
