#include "train/contributing.h"

#include <algorithm>

namespace grpo {
namespace {

constexpr double kWorthIt = 0.25;  // least share of completions to leave out

// Drops prompts that no completion is left of, so that no backward goes through them.
void drop_unused_prompts(Batch& batch) {
  std::vector<Tokens> used;
  std::vector<int64_t> index(batch.prompts.size(), -1);
  for (int64_t& prompt : batch.prompt_of) {
    if (index[prompt] < 0) {
      index[prompt] = static_cast<int64_t>(used.size());
      used.push_back(batch.prompts[prompt]);
    }
    prompt = index[prompt];
  }
  batch.prompts = std::move(used);
}

}  // namespace

std::optional<Contributing> contributing(const Batch& batch, const std::vector<float>& d_logps) {
  Contributing kept;
  auto begin = d_logps.begin();
  for (size_t i = 0; i < batch.completions.size(); ++i) {
    const auto end = begin + static_cast<int64_t>(batch.completions[i].size());
    if (std::any_of(begin, end, [](float derivative) { return derivative != 0; })) {
      kept.batch.completions.push_back(batch.completions[i]);
      kept.batch.prompt_of.push_back(batch.prompt_of[i]);
      kept.d_logps.insert(kept.d_logps.end(), begin, end);
    }
    begin = end;
  }
  const size_t all = batch.completions.size(), left_out = all - kept.batch.completions.size();
  if (left_out == all || static_cast<double>(left_out) < kWorthIt * static_cast<double>(all)) return {};
  kept.batch.prompts = batch.prompts;
  drop_unused_prompts(kept.batch);
  return kept;
}

}  // namespace grpo
