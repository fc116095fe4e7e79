#include "sample/probabilities.h"

#include <algorithm>
#include <limits>
#include <set>

#include "tree/index_tensors.h"

namespace grpo {
namespace {

constexpr double kExcluded = -std::numeric_limits<double>::infinity();

// Keskar et al. 2019: lowers the logit of every token of the prefix, whatever the logit's sign.
void penalise(at::Tensor& logits, const std::vector<std::vector<int64_t>>& history, double penalty) {
  std::vector<int64_t> rows, tokens;
  for (size_t row = 0; row < history.size(); ++row) {
    const std::set<int64_t> seen(history[row].begin(), history[row].end());
    rows.insert(rows.end(), seen.size(), static_cast<int64_t>(row));
    tokens.insert(tokens.end(), seen.begin(), seen.end());
  }
  const auto where = index_tensors({rows, tokens}, logits.device());
  const at::Tensor values = logits.index({where[0], where[1]});
  logits.index_put_({where[0], where[1]}, at::where(values < 0, values * penalty, values / penalty));
}

// A copy of the logits with the repetition penalty.
at::Tensor penalised(const at::Tensor& raw, const std::vector<std::vector<int64_t>>& history,
                     const SamplingOptions& options) {
  at::Tensor logits = raw.clone();
  if (options.repetition_penalty != 1) penalise(logits, history, options.repetition_penalty);
  return logits;
}

void keep_top_k(at::Tensor& logits, int64_t k) {
  const at::Tensor least = std::get<0>(logits.topk(std::min(k, logits.size(1)), 1)).narrow(1, -1, 1);
  logits.masked_fill_(logits < least, kExcluded);
}

// Holtzman et al. 2020: the fewest most likely tokens whose probabilities reach p.
void keep_top_p(at::Tensor& logits, double p) {
  const auto [sorted, order] = logits.sort(1, /*descending=*/false);
  const at::Tensor probs = sorted.softmax(1);
  at::Tensor drop = logits.is_cpu() ? probs.cumsum(1) <= 1.0 - p  // [rows, vocab]
                                    : running_sums(probs) <= static_cast<int64_t>((1.0 - p) * kSumOfOne);
  drop.narrow(1, -1, 1).fill_(false);
  logits.masked_fill_(at::zeros_like(drop).scatter_(1, order, drop), kExcluded);
}

// Nguyen et al. 2024: tokens at least p times as likely as the most likely one.
void keep_min_p(at::Tensor& logits, double p) {
  const at::Tensor probs = logits.softmax(1);
  logits.masked_fill_(probs < p * std::get<0>(probs.max(1, true)), kExcluded);
}

}  // namespace

at::Tensor most_likely(const at::Tensor& raw, const std::vector<std::vector<int64_t>>& history,
                       const SamplingOptions& options) {
  return penalised(raw, history, options).argmax(1, true);
}

at::Tensor probabilities(const at::Tensor& raw, const std::vector<std::vector<int64_t>>& history,
                         const SamplingOptions& options) {
  if (options.temperature == 0)
    return at::zeros_like(raw).scatter_(1, most_likely(raw, history, options), 1.0);
  at::Tensor logits = penalised(raw, history, options).div_(options.temperature);
  if (options.top_k > 0) keep_top_k(logits, options.top_k);
  if (options.top_p < 1) keep_top_p(logits, options.top_p);
  if (options.min_p > 0) keep_min_p(logits, options.min_p);
  return logits.softmax(1);
}

at::Tensor running_sums(const at::Tensor& probs) {
  return probs.to(at::kDouble).mul_(kSumOfOne).to(at::kLong).cumsum(1);
}

}  // namespace grpo
