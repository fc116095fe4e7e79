#include "sample/sampling.h"

#include <algorithm>

#include "error.h"

namespace grpo {

namespace {
constexpr int64_t kNone = -1;
}

Sampling::Sampling(const Model& model, SampleRequest request)
    : model_(model),
      request_(std::move(request)),
      computed_(std::make_shared<ComputedForest>(model, request_.keep_activations)) {
  Forest& forest = computed_->forest;
  for (const auto& prompt : request_.prompts) {
    leaf_.insert(leaf_.end(), request_.num_generations, forest.insert(Forest::kRoot, prompt).back());
  }
  limit_ = forest.size() + static_cast<int64_t>(leaf_.size()) * (request_.max_completion_length - 1);
  pending_.assign(leaf_.size(), kNone);
  running_.assign(leaf_.size(), true);
}

SampledPosition Sampling::next(const std::vector<int64_t>& stopped, const std::function<void()>& on_layer) {
  for (const int64_t completion : stopped) {
    if (completion < 0 || completion >= static_cast<int64_t>(running_.size())) {
      throw Error("BAD_ARGUMENT", "there is no completion " + std::to_string(completion) + " to stop",
                  "Give indices that sampleNext() gave.");
    }
    running_[completion] = false;
  }
  SampledPosition result;
  Forest& forest = computed_->forest;

  // The token drawn last is inserted only now, when its completion is known to go on: a last token is never
  // forwarded.
  std::vector<int64_t> nodes;                        // last nodes of the running completions, distinct
  std::vector<std::vector<int64_t>> completions_at;  // the completions at each of them
  std::unordered_map<int64_t, size_t> row_of_node;
  for (size_t i = 0; i < leaf_.size(); ++i) {
    if (!running_[i]) continue;
    if (pending_[i] != kNone) leaf_[i] = forest.insert(leaf_[i], {pending_[i]}).back();
    const auto [row, added] = row_of_node.try_emplace(leaf_[i], nodes.size());
    if (added) {
      nodes.push_back(leaf_[i]);
      completions_at.emplace_back();
    }
    completions_at[row->second].push_back(static_cast<int64_t>(i));
  }
  if (nodes.empty()) return result;
  result.computed = computed_->compute(limit_, on_layer);

  const at::Tensor logits = model_.logits(computed_->hidden(nodes));  // [rows, vocab]
  std::vector<float> logp_of(leaf_.size());
  const int64_t rows = logits.size(0), block = rows_at_once(logits);
  for (int64_t first = 0; first < rows; first += block) {
    const int64_t count = std::min(block, rows - first);
    const std::vector<int64_t> at(nodes.begin() + first, nodes.begin() + first + count);
    const Drawn drawn =
        draw(logits.narrow(0, first, count), rows_to_draw(at, completions_at, first), request_.options);
    for (int64_t row = 0; row < count; ++row) {
      for (size_t k = 0; k < drawn.tokens[row].size(); ++k) {
        const int64_t completion = completions_at[first + row][k];
        pending_[completion] = drawn.tokens[row][k].id;
        logp_of[completion] = drawn.tokens[row][k].logp;
      }
    }
    if (computed_->for_backward())
      computed_->vocabulary.keep(at, drawn.logps, request_.options.policy_temperature);
  }

  ++position_;
  for (size_t i = 0; i < leaf_.size(); ++i) {
    if (!running_[i]) continue;
    const int64_t token = pending_[i];
    const auto& eos = request_.eos_token_ids;
    running_[i] =
        position_ < request_.max_completion_length && std::count(eos.begin(), eos.end(), token) == 0;
    result.completions.push_back(static_cast<int32_t>(i));
    result.tokens.push_back(static_cast<int32_t>(token));
    result.ended.push_back(!running_[i]);
    result.logps.push_back(logp_of[i]);
  }
  return result;
}

DrawRows Sampling::rows_to_draw(const std::vector<int64_t>& nodes,
                                const std::vector<std::vector<int64_t>>& completions_at,
                                int64_t first) const {
  DrawRows rows;
  rows.uniforms.resize(nodes.size());
  rows.history.resize(nodes.size());
  const Forest& forest = computed_->forest;
  for (size_t row = 0; row < nodes.size(); ++row) {
    for (const int64_t i : completions_at[first + row]) {
      const uint32_t prompt = request_.prompt_indices[i / request_.num_generations];
      const auto completion = static_cast<uint32_t>(request_.first_generation + i % request_.num_generations);
      rows.uniforms[row].push_back(uniform({request_.seed, request_.step, prompt, completion, position_}));
    }
    if (request_.options.repetition_penalty == 1) continue;
    for (const int64_t node : forest.path(nodes[row])) rows.history[row].push_back(forest.token(node));
  }
  return rows;
}

}  // namespace grpo
