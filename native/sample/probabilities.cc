#include "sample/probabilities.h"

#include <algorithm>
#include <limits>

namespace grpo {
namespace {

constexpr double kExcluded = -std::numeric_limits<double>::infinity();

// Keskar et al. 2019: lowers the logit of every token of the prefix, whatever the logit's sign.
void penalise(at::Tensor& logits, const std::vector<std::vector<int64_t>>& history, double penalty) {
  for (int64_t i = 0; i < logits.size(0); ++i) {
    at::Tensor row = logits[i];
    const at::Tensor seen = std::get<0>(at::_unique(at::tensor(history[i], at::kLong).to(row.device())));
    const at::Tensor values = row.index_select(0, seen);
    row.index_copy_(0, seen, at::where(values < 0, values * penalty, values / penalty));
  }
}

void keep_top_k(at::Tensor& logits, int64_t k) {
  const at::Tensor least = std::get<0>(logits.topk(std::min(k, logits.size(1)), 1)).narrow(1, -1, 1);
  logits.masked_fill_(logits < least, kExcluded);
}

// Holtzman et al. 2020: the fewest most likely tokens whose probabilities reach p.
void keep_top_p(at::Tensor& logits, double p) {
  const auto [sorted, order] = logits.sort(1, /*descending=*/false);
  at::Tensor drop = sorted.softmax(1).cumsum(1) <= 1.0 - p;  // [rows, vocab]
  drop.narrow(1, -1, 1).fill_(false);
  logits.masked_fill_(at::zeros_like(drop).scatter_(1, order, drop), kExcluded);
}

// Nguyen et al. 2024: tokens at least p times as likely as the most likely one.
void keep_min_p(at::Tensor& logits, double p) {
  const at::Tensor probs = logits.softmax(1);
  logits.masked_fill_(probs < p * std::get<0>(probs.max(1, true)), kExcluded);
}

}  // namespace

at::Tensor probabilities(const at::Tensor& raw, const std::vector<std::vector<int64_t>>& history,
                         const SamplingOptions& options) {
  at::Tensor logits = raw.clone();
  if (options.repetition_penalty != 1) penalise(logits, history, options.repetition_penalty);
  if (options.temperature == 0) return at::zeros_like(logits).scatter_(1, logits.argmax(1, true), 1.0);
  logits.div_(options.temperature);
  if (options.top_k > 0) keep_top_k(logits, options.top_k);
  if (options.top_p < 1) keep_top_p(logits, options.top_p);
  if (options.min_p > 0) keep_min_p(logits, options.min_p);
  return logits.softmax(1);
}

Distribution::Distribution(const float* row, int64_t vocab) : cumulative_(vocab) {
  double sum = 0;
  for (int64_t token = 0; token < vocab; ++token) cumulative_[token] = sum += row[token];
}

int64_t Distribution::draw(double u) const {
  // The sum is 1 only up to rounding: u is scaled by it, so that every u < 1 finds a token.
  const auto above = std::upper_bound(cumulative_.begin(), cumulative_.end(), u * cumulative_.back());
  return std::min<int64_t>(above - cumulative_.begin(), static_cast<int64_t>(cumulative_.size()) - 1);
}

}  // namespace grpo
