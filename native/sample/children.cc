#include "sample/children.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "error.h"
#include "sample/remaining_weights.h"

namespace grpo {
namespace {

double log_add_exp(double a, double b) {
  const double most = std::max(a, b);
  return std::isinf(most) ? most : most + std::log1p(std::exp(std::min(a, b) - most));
}

[[noreturn]] void not_numbers() {
  throw Error("NONFINITE", "the model's probabilities are not numbers, so there is nothing to sample",
              "Take weights from before they became NaN or infinite: an earlier checkpoint.");
}

}  // namespace

std::vector<std::vector<Child>> likeliest_children(const at::Tensor& probs, const at::Tensor& logps,
                                                   const std::vector<Parent>& parents, int64_t most) {
  const auto [best, ids] = probs.topk(std::min(most, probs.size(1)), 1);
  const at::Tensor tokens = ids.cpu(), own = logps.gather(1, ids).cpu();
  const at::Tensor drawn = best.to(at::kCPU, at::kDouble).log();
  const int64_t count = tokens.size(1);
  std::vector<std::vector<Child>> children(parents.size());
  for (size_t i = 0; i < parents.size(); ++i) {
    const Parent& parent = parents[i];
    const int64_t first = parent.row * count;
    for (int64_t k = first; k < first + count; ++k) {
      const double draw_logp = drawn.const_data_ptr<double>()[k], score = parent.draw_logp + draw_logp;
      if (std::isnan(score)) not_numbers();
      if (std::isinf(score) || score < parent.bar) break;
      children[i].push_back(
          {tokens.const_data_ptr<int64_t>()[k], own.const_data_ptr<float>()[k], draw_logp, score});
    }
  }
  return children;
}

std::vector<std::vector<Child>> drawn_children(const at::Tensor& device_probs, const at::Tensor& device_logps,
                                               const std::vector<Parent>& parents, int64_t most) {
  const at::Tensor probs = device_probs.cpu().contiguous(), logps = device_logps.cpu().contiguous();
  const int64_t vocab = probs.size(1);
  std::vector<std::vector<Child>> children(parents.size());
  at::parallel_for(0, static_cast<int64_t>(parents.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Parent& parent = parents[i];
      RemainingWeights left(probs.const_data_ptr<float>() + parent.row * vocab, vocab);
      const double whole = left.sum();
      if (std::isnan(whole)) not_numbers();
      double score = parent.score;
      for (int64_t k = 0; k < most && left.sum() > 0; ++k) {
        const PathNoise::OfDraw noise = parent.noise.of_draw(k);
        if (k > 0) {
          const double log_rate = parent.draw_logp + std::log(left.sum() / whole);
          score = -log_add_exp(-score, std::log(noise.exponential) - log_rate);
        }
        if (score < parent.bar) break;
        const int64_t token = left.find(noise.uniform);
        children[i].push_back({token, logps.const_data_ptr<float>()[parent.row * vocab + token],
                               std::log(left[token] / whole), score});
        left.remove(token);
      }
    }
  });
  return children;
}

}  // namespace grpo
