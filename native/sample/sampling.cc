#include "sample/sampling.h"

#include <algorithm>

#include "error.h"

namespace grpo {

namespace {
constexpr int64_t kNone = -1;
}

Sampling::Sampling(const Model& model, SampleRequest request) : model_(model), request_(std::move(request)) {
  for (const auto& prompt : request_.prompts) {
    leaf_.insert(leaf_.end(), request_.num_generations, forest_.insert(Forest::kRoot, prompt).back());
  }
  pending_.assign(leaf_.size(), kNone);
  running_.assign(leaf_.size(), true);
  store_.keys.resize(model.config.num_hidden_layers);
  store_.values.resize(model.config.num_hidden_layers);
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

  // A token becomes a node only now, when its completion is known to go on.
  std::vector<int64_t> nodes;                        // distinct live prefixes, by their last node
  std::vector<std::vector<int64_t>> completions_at;  // for each of them
  std::unordered_map<int64_t, size_t> row_of_node;
  for (size_t i = 0; i < leaf_.size(); ++i) {
    if (!running_[i]) continue;
    if (pending_[i] != kNone) leaf_[i] = forest_.insert(leaf_[i], {pending_[i]}).back();
    const auto [row, added] = row_of_node.try_emplace(leaf_[i], nodes.size());
    if (added) {
      nodes.push_back(leaf_[i]);
      completions_at.emplace_back();
    }
    completions_at[row->second].push_back(static_cast<int64_t>(i));
  }
  if (nodes.empty()) return result;
  result.computed = forest_.size() - store_.size;
  compute(on_layer);

  const at::Tensor rows = at::tensor(nodes, at::kLong).to(hidden_.device());
  const at::Tensor logits = model_.logits(hidden_.index_select(0, rows));  // [rows, vocab]
  std::vector<std::vector<int64_t>> history(nodes.size());
  if (request_.options.repetition_penalty != 1) {
    for (size_t row = 0; row < nodes.size(); ++row) {
      for (const int64_t node : forest_.path(nodes[row])) history[row].push_back(forest_.token(node));
    }
  }
  const at::Tensor probs = probabilities(logits, history, request_.options).cpu().contiguous();
  const double temperature = request_.options.temperature > 0 ? request_.options.temperature : 1;
  const at::Tensor scaled = (logits / temperature).cpu();
  const at::Tensor normalisers = scaled.logsumexp(1);  // [rows]

  const int64_t vocab = probs.size(1);
  std::vector<int64_t> row_of(leaf_.size());
  at::parallel_for(0, static_cast<int64_t>(nodes.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const Distribution distribution(probs.const_data_ptr<float>() + row * vocab, vocab);
      for (const int64_t i : completions_at[row]) {
        const uint32_t prompt = request_.prompt_indices[i / request_.num_generations];
        const auto completion = static_cast<uint32_t>(i % request_.num_generations);
        row_of[i] = row;
        pending_[i] =
            distribution.draw(uniform({request_.seed, request_.step, prompt, completion, position_}));
      }
    }
  });

  ++position_;
  for (size_t i = 0; i < leaf_.size(); ++i) {
    if (!running_[i]) continue;
    const int64_t token = pending_[i], row = row_of[i];
    const auto& eos = request_.eos_token_ids;
    running_[i] =
        position_ < request_.max_completion_length && std::count(eos.begin(), eos.end(), token) == 0;
    result.completions.push_back(static_cast<int32_t>(i));
    result.tokens.push_back(static_cast<int32_t>(token));
    result.ended.push_back(!running_[i]);
    result.logps.push_back(scaled.const_data_ptr<float>()[row * vocab + token] -
                           normalisers.const_data_ptr<float>()[row]);
  }
  return result;
}

void Sampling::compute(const std::function<void()>& on_layer) {
  const int64_t first = store_.size, count = forest_.size() - first;
  if (count == 0) return;
  reserve(forest_.size());
  const Layout layout = layout_of(forest_, first, forest_.take_segments(), model_.layout_options());
  hidden_.narrow(0, first, count).copy_(model_.forward(layout, &store_, on_layer));
}

// Doubling keeps the copies to a constant share of the work.
void Sampling::reserve(int64_t nodes) {
  const int64_t capacity = hidden_.defined() ? hidden_.size(0) : 0;
  if (nodes <= capacity) return;
  const int64_t larger = std::max(nodes + static_cast<int64_t>(leaf_.size()), 2 * capacity);
  const auto options = model_.options();
  const auto grow = [&](at::Tensor& tensor, std::vector<int64_t> shape) {
    const at::Tensor old = std::exchange(tensor, at::empty(shape, options));
    if (capacity > 0) tensor.narrow(0, 0, capacity).copy_(old);
  };
  const ModelConfig& config = model_.config;
  grow(hidden_, {larger, config.hidden_size});
  for (auto* tensors : {&store_.keys, &store_.values}) {
    for (auto& tensor : *tensors) grow(tensor, {larger, config.num_key_value_heads, config.head_dim});
  }
}

}  // namespace grpo
