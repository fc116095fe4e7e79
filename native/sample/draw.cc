#include "sample/draw.h"

#include <ATen/Parallel.h>

#include <algorithm>

namespace grpo {
namespace {

// Of logits: on the host what stays in the CPU's cache, on a device some sevenfold of it is needed.
constexpr int64_t kHostBytes = 8 << 20, kDeviceBytes = 128 << 20;

// A cumulative distribution [vocab] of one row of probabilities.
class Distribution {
 public:
  Distribution(const float* row, int64_t vocab) : cumulative_(vocab) {
    double sum = 0;
    for (int64_t token = 0; token < vocab; ++token) cumulative_[token] = sum += row[token];
  }
  // The token at which the cumulative sum passes `u` in [0, 1).
  int64_t draw(double u) const {
    // The sum is 1 only up to rounding: u is scaled by it, so that every u < 1 finds a token.
    const auto above = std::upper_bound(cumulative_.begin(), cumulative_.end(), u * cumulative_.back());
    return std::min<int64_t>(above - cumulative_.begin(), static_cast<int64_t>(cumulative_.size()) - 1);
  }

 private:
  std::vector<double> cumulative_;
};

// The same for rows of probabilities [rows, vocab] at uniforms [rows, n] -> tokens [rows, n].
at::Tensor tokens_at(const at::Tensor& probs, const at::Tensor& uniforms) {
  const int64_t last = probs.size(1) - 1;
  const at::Tensor sums = running_sums(probs);
  const at::Tensor below = (uniforms * sums.narrow(1, last, 1)).to(at::kLong);
  // Logits that are NaN give no sums: still, no index outside of the vocabulary may reach a device.
  return at::searchsorted(sums, below, /*out_int32=*/false, /*right=*/true).clamp_max_(last);
}

// [rows, n] float64, n being the most that a row has; a row that has fewer is filled up with zeros.
at::Tensor padded(const std::vector<std::vector<double>>& rows) {
  size_t most = 0;
  for (const auto& row : rows) most = std::max(most, row.size());
  at::Tensor table = at::zeros({static_cast<int64_t>(rows.size()), static_cast<int64_t>(most)}, at::kDouble);
  double* to = table.data_ptr<double>();
  for (const auto& row : rows) {
    std::copy(row.begin(), row.end(), to);
    to += most;
  }
  return table;
}

}  // namespace

int64_t rows_at_once(const at::Tensor& logits) {
  const int64_t row = logits.size(1) * static_cast<int64_t>(sizeof(float));
  return std::max<int64_t>(1, (logits.is_cpu() ? kHostBytes : kDeviceBytes) / row);
}

Drawn draw(at::Tensor logits, const DrawRows& rows, const SamplingOptions& options) {
  return logits.is_cpu() ? draw_on_host(logits, rows, options) : draw_on_device(logits, rows, options);
}

Drawn draw_on_host(at::Tensor logits, const DrawRows& rows, const SamplingOptions& options) {
  const at::Tensor shaped =
      options.shape_probabilities() ? probabilities(logits, rows.history, options) : at::Tensor();
  if (options.policy_temperature > 0) logits.div_(options.policy_temperature);
  logits.sub_(logits.logsumexp(1, true));
  const at::Tensor probs = (shaped.defined() ? shaped : logits.exp()).contiguous();

  Drawn drawn{logits, std::vector<std::vector<DrawnToken>>(rows.uniforms.size())};
  const int64_t vocab = probs.size(1);
  at::parallel_for(0, probs.size(0), 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const Distribution distribution(probs.const_data_ptr<float>() + row * vocab, vocab);
      for (const double u : rows.uniforms[row]) {
        const int64_t id = distribution.draw(u);
        drawn.tokens[row].push_back({id, logits.const_data_ptr<float>()[row * vocab + id]});
      }
    }
  });
  return drawn;
}

Drawn draw_on_device(at::Tensor logits, const DrawRows& rows, const SamplingOptions& options) {
  const at::Tensor uniforms = padded(rows.uniforms).to(logits.device());
  const bool greedy = options.temperature == 0, shapes = options.shape_probabilities();
  at::Tensor best, shaped;  // of these, the one that tokens are taken from
  if (greedy) {
    best = most_likely(logits, rows.history, options);
  } else if (shapes) {
    shaped = probabilities(logits, rows.history, options);
  }
  const double policy = options.policy_temperature;
  const at::Tensor logps = (policy > 0 ? logits.div_(policy) : logits).log_softmax(1);
  const at::Tensor ids =
      greedy ? best.expand_as(uniforms) : tokens_at(shapes ? shaped : logps.exp(), uniforms);
  const at::Tensor both = at::stack({ids.to(at::kDouble), logps.gather(1, ids).to(at::kDouble)}).cpu();

  Drawn drawn{logps, std::vector<std::vector<DrawnToken>>(rows.uniforms.size())};
  const double* id = both.const_data_ptr<double>();
  const double* logp = id + uniforms.numel();
  for (size_t row = 0; row < rows.uniforms.size(); ++row) {
    for (size_t i = 0; i < rows.uniforms[row].size(); ++i)
      drawn.tokens[row].push_back({static_cast<int64_t>(id[i]), static_cast<float>(logp[i])});
    id += uniforms.size(1);
    logp += uniforms.size(1);
  }
  return drawn;
}

}  // namespace grpo
