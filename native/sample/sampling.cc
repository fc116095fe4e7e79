#include "sample/sampling.h"

#include <algorithm>

#include "error.h"

namespace grpo {

namespace {
constexpr int64_t kNone = -1;
constexpr int64_t kBlockBytes = 8 << 20;  // of logits: what stays in the CPU's cache
}  // namespace

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
  std::vector<std::vector<int64_t>> history(nodes.size());
  if (request_.options.repetition_penalty != 1) {
    for (size_t row = 0; row < nodes.size(); ++row) {
      for (const int64_t node : forest.path(nodes[row])) history[row].push_back(forest.token(node));
    }
  }
  std::vector<float> logp_of(leaf_.size());
  // In blocks of rows that stay in the CPU's cache from one pass over them to the next.
  const int64_t rows = logits.size(0), vocab = logits.size(1);
  const int64_t block = std::max<int64_t>(1, kBlockBytes / (vocab * static_cast<int64_t>(sizeof(float))));
  for (int64_t first = 0; first < rows; first += block) {
    const int64_t count = std::min(block, rows - first);
    const at::Tensor logp =
        draw(logits.narrow(0, first, count), {history.begin() + first, history.begin() + first + count},
             {completions_at.begin() + first, completions_at.begin() + first + count}, logp_of);
    if (computed_->for_backward())
      computed_->vocabulary.keep({nodes.begin() + first, nodes.begin() + first + count}, logp,
                                 request_.options.temperature);
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

at::Tensor Sampling::draw(at::Tensor logits, const std::vector<std::vector<int64_t>>& history,
                          const std::vector<std::vector<int64_t>>& completions_at,
                          std::vector<float>& logp_of) {
  const SamplingOptions& options = request_.options;
  const at::Tensor shaped =
      options.shape_probabilities() ? probabilities(logits, history, options) : at::Tensor();
  if (options.temperature > 0) logits.div_(options.temperature);
  logits.sub_(logits.logsumexp(1, true));
  const at::Tensor logp = logits.cpu();  // [rows, vocab]
  const at::Tensor probs = (shaped.defined() ? shaped.cpu() : logp.exp()).contiguous();
  const int64_t vocab = probs.size(1);
  at::parallel_for(0, probs.size(0), 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const Distribution distribution(probs.const_data_ptr<float>() + row * vocab, vocab);
      for (const int64_t i : completions_at[row]) {
        const uint32_t prompt = request_.prompt_indices[i / request_.num_generations];
        const auto completion =
            static_cast<uint32_t>(request_.first_generation + i % request_.num_generations);
        pending_[i] =
            distribution.draw(uniform({request_.seed, request_.step, prompt, completion, position_}));
        logp_of[i] = logp.const_data_ptr<float>()[row * vocab + pending_[i]];
      }
    }
  });
  return logits;
}

}  // namespace grpo
