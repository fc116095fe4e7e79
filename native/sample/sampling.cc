#include "sample/sampling.h"

#include <algorithm>

#include "error.h"
#include "sample/beam_search.h"
#include "sample/independent_draws.h"

namespace grpo {

std::unique_ptr<Sampling> make_sampling(const Model& model, SampleRequest request) {
  if (request.method == SamplingMethod::kIndependent)
    return std::make_unique<IndependentDraws>(model, std::move(request));
  return std::make_unique<BeamSearch>(model, std::move(request));
}

Sampling::Sampling(const Model& model, SampleRequest request)
    : request_(std::move(request)),
      computed_(std::make_shared<ComputedForest>(model, request_.keep_activations)),
      model_(model) {
  Forest& forest = computed_->forest;
  for (const auto& prompt : request_.prompts)
    last_of_prompt_.push_back(forest.insert(Forest::kRoot, prompt).back());
  const auto completions = static_cast<int64_t>(last_of_prompt_.size()) * request_.num_generations;
  limit_ = forest.size() + completions * (request_.max_completion_length - 1);
}

void Sampling::check_completion(int64_t completion) const {
  if (completion >= 0 && completion < static_cast<int64_t>(last_of_prompt_.size()) * request_.num_generations)
    return;
  throw Error("BAD_ARGUMENT", "there is no completion " + std::to_string(completion) + " to stop",
              "Give indices that sampleNext() gave.");
}

bool Sampling::ends_with(int64_t token) const {
  const auto& eos = request_.eos_token_ids;
  return position_ >= request_.max_completion_length || std::count(eos.begin(), eos.end(), token) > 0;
}

std::vector<std::vector<int64_t>> Sampling::history(const std::vector<int64_t>& nodes) const {
  std::vector<std::vector<int64_t>> before(nodes.size());
  if (request_.options.repetition_penalty == 1) return before;
  const Forest& forest = computed_->forest;
  for (size_t row = 0; row < nodes.size(); ++row) {
    for (const int64_t node : forest.path(nodes[row])) before[row].push_back(forest.token(node));
  }
  return before;
}

int64_t Sampling::for_each_block(
    const std::vector<int64_t>& nodes,
    const std::function<at::Tensor(int64_t first, const std::vector<int64_t>& at, at::Tensor logits)>& use,
    const std::function<void()>& on_layer) {
  const int64_t fresh = computed_->compute(limit_, on_layer);
  const at::Tensor logits = model_.logits(computed_->hidden(nodes));  // [rows, vocab]
  const int64_t rows = logits.size(0), block = rows_at_once(logits);
  for (int64_t first = 0; first < rows; first += block) {
    const int64_t count = std::min(block, rows - first);
    const std::vector<int64_t> at(nodes.begin() + first, nodes.begin() + first + count);
    const at::Tensor logps = use(first, at, logits.narrow(0, first, count));
    if (computed_->for_backward()) computed_->vocabulary.keep(at, logps, request_.options.policy_temperature);
  }
  return fresh;
}

}  // namespace grpo
