// From logits to the probabilities that tokens are drawn from: temperature and the usual filters.
#pragma once
#include <ATen/ATen.h>

#include <vector>

namespace grpo {

struct SamplingOptions {
  double temperature;         // of the draws; 0: greedy, the most likely token
  int64_t top_k;              // 0: off
  double top_p;               // 1: off
  double min_p;               // 0: off
  double repetition_penalty;  // 1: off
  double policy_temperature;  // that log-probs are told at
  // Whether tokens are drawn from anything other than softmax(logits / policy_temperature).
  bool shape_probabilities() const {
    return temperature == 0 || temperature != policy_temperature || top_k > 0 || top_p < 1 || min_p > 0 ||
           repetition_penalty != 1;
  }
};

// logits: [rows, vocab] float32; history: for each row its prefix, prompt included (read only where there is
// a repetition penalty) -> [rows, vocab], whose rows sum to 1. In the order of transformers: repetition
// penalty, temperature, top_k, top_p, min_p.
at::Tensor probabilities(const at::Tensor& logits, const std::vector<std::vector<int64_t>>& history,
                         const SamplingOptions& options);

// The most likely token of each row after the repetition penalty: [rows, 1]. Arguments as above.
at::Tensor most_likely(const at::Tensor& logits, const std::vector<std::vector<int64_t>>& history,
                       const SamplingOptions& options);

// Running sums along rows of probabilities, in whole multiples of 2^-52: [rows, n] int64. Whole numbers have
// the same sums in whatever order a device adds them up; floating-point numbers don't.
at::Tensor running_sums(const at::Tensor& probs);
inline constexpr double kSumOfOne = 0x1p52;  // what a probability of 1 is there

}  // namespace grpo
