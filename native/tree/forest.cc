#include "tree/forest.h"

#include <algorithm>
#include <map>

namespace grpo {

int64_t Forest::child(int64_t parent, int64_t token) {
  const uint64_t key = (static_cast<uint64_t>(parent + 1) << 32) | static_cast<uint32_t>(token);
  const auto [entry, added] = child_.try_emplace(key, size());
  if (added) {
    token_.push_back(token);
    parent_.push_back(parent);
    position_.push_back(parent == kRoot ? 0 : position_[parent] + 1);
  }
  return entry->second;
}

std::vector<int64_t> Forest::insert(int64_t parent, const Tokens& tokens) {
  const int64_t before = size();
  std::vector<int64_t> nodes;
  nodes.reserve(tokens.size());
  for (const int64_t token : tokens) nodes.push_back(parent = child(parent, token));
  // From the first new node on, all further nodes of the sequence are new: they are one segment.
  if (size() > before) segments_.push_back({before, size() - before, path(nodes.back())});
  return nodes;
}

std::vector<int64_t> Forest::path(int64_t node) const {
  std::vector<int64_t> nodes(position_[node] + 1);
  for (auto slot = nodes.rbegin(); slot != nodes.rend(); ++slot, node = parent_[node]) *slot = node;
  return nodes;
}

std::vector<int64_t> insert_batch(Forest& forest, const Batch& batch) {
  std::vector<int64_t> prompt_end;
  for (const auto& prompt : batch.prompts) prompt_end.push_back(forest.insert(Forest::kRoot, prompt).back());
  std::vector<int64_t> predictors;
  for (size_t i = 0; i < batch.completions.size(); ++i) {
    const Tokens& completion = batch.completions[i];
    const int64_t end = prompt_end[batch.prompt_of[i]];
    predictors.push_back(end);
    const auto nodes = forest.insert(end, Tokens(completion.begin(), completion.end() - 1));
    predictors.insert(predictors.end(), nodes.begin(), nodes.end());
  }
  return predictors;
}

Targets::Targets(const Batch& batch, const std::vector<int64_t>& predictor_of_token) {
  Tokens token_of;
  for (const auto& completion : batch.completions) {
    token_of.insert(token_of.end(), completion.begin(), completion.end());
  }
  std::map<std::pair<int64_t, int64_t>, int64_t> target_of;  // (predictor, token), in order
  for (size_t i = 0; i < token_of.size(); ++i) target_of[{predictor_of_token[i], token_of[i]}] = 0;
  for (auto& [edge, target] : target_of) {
    if (predictors.empty() || predictors.back() != edge.first) predictors.push_back(edge.first);
    target = static_cast<int64_t>(rows.size());
    rows.push_back(static_cast<int64_t>(predictors.size()) - 1);
    tokens.push_back(edge.second);
  }
  for (size_t i = 0; i < token_of.size(); ++i) {
    of_token.push_back(target_of[{predictor_of_token[i], token_of[i]}]);
  }
}

}  // namespace grpo
