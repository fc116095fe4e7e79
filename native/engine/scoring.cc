// Log-probs, entropies and KLs of completions, and the way back to the gradients.
#include <utility>

#include "engine/engine.h"
#include "error.h"
#include "train/contributing.h"

namespace grpo {
namespace {

// The number of each node of `part` in `forest`, which holds all of them.
std::vector<int64_t> nodes_in(Forest& forest, const Forest& part) {
  std::vector<int64_t> rows(part.size());
  for (int64_t node = 0; node < part.size(); ++node) {
    const int64_t parent = part.parent(node);
    rows[node] = forest.child(parent == Forest::kRoot ? parent : rows[parent], part.token(node));
  }
  return rows;
}

// From targets and predictors back to the completions' tokens.
TokenScores per_token(const Targets& targets, const LogProbs& computed, int64_t nodes, int64_t fresh) {
  const at::Tensor logps = computed.logps.cpu(), entropies = computed.entropies.cpu();
  const at::Tensor kls = computed.kls.defined() ? computed.kls.cpu() : at::Tensor();
  TokenScores scores{{}, {}, {}, nodes, fresh, computed.computed_rows()};
  for (const int64_t target : targets.of_token) {
    const int64_t row = targets.rows[target];
    scores.logps.push_back(logps.const_data_ptr<float>()[target]);
    scores.entropies.push_back(entropies.const_data_ptr<float>()[row]);
    if (kls.defined()) scores.kls.push_back(kls.const_data_ptr<float>()[row]);
  }
  return scores;
}

}  // namespace

void Engine::check_tokens(const Batch& batch) {
  check_tokens(batch.prompts);
  check_tokens(batch.completions);
}

Engine::ScoredBatch Engine::score_batch(const Model& model, const Batch& batch, double temperature,
                                        bool with_kls, const std::shared_ptr<ComputedForest>& computed) {
  Forest part;
  const Targets targets(batch, insert_batch(part, batch));
  int64_t fresh = 0;
  LogProbs::Reference frozen;
  if (with_kls) {
    ComputedForest of_reference(reference(), false);
    insert_batch(of_reference.forest, batch);  // numbers its nodes as those of `part` are
    fresh += of_reference.compute(of_reference.forest.size(), check_);
    frozen = {of_reference.hidden(targets.predictors), reference().output()};
  }

  insert_batch(computed->forest, batch);
  fresh += computed->compute(computed->forest.size(), check_);
  std::vector<int64_t> rows = nodes_in(computed->forest, part);
  std::vector<int64_t> predictor_rows;
  for (const int64_t node : targets.predictors) predictor_rows.push_back(rows[node]);
  LogProbs scores(computed->hidden(predictor_rows), model.output(), targets.rows, targets.tokens, temperature,
                  computed->for_backward(), computed->vocabulary.find(predictor_rows, temperature), frozen);
  return {batch, temperature, computed, std::move(part), std::move(rows), targets, std::move(scores), fresh};
}

TokenScores Engine::score(const Batch& batch, WhichModel which, double temperature, bool with_kls) {
  const Model& model = which == WhichModel::kReference ? reference() : policy();
  check_tokens(batch);
  const ScoredBatch scored =
      score_batch(model, batch, temperature, with_kls, std::make_shared<ComputedForest>(model, false));
  return per_token(scored.targets, scored.scores, scored.part.size(), scored.fresh);
}

TokenScores Engine::forward(const Batch& batch, double temperature, bool with_kls) {
  check_tokens(batch);
  pending_.reset();  // frees the last forward's activations before the next ones are computed
  // Sampling has forwarded most or all of these nodes with the same weights. If this throws on the way,
  // that forest is part-computed and can't be used again: hence the exchange.
  const auto sampled = std::exchange(sampled_, nullptr);
  const auto computed = sampled ? sampled : std::make_shared<ComputedForest>(policy(), true);
  pending_.emplace(score_batch(policy(), batch, temperature, with_kls, computed));
  sampled_ = sampled;
  return per_token(pending_->targets, pending_->scores, pending_->part.size(), pending_->fresh);
}

void Engine::backward(const std::vector<float>& d_logps, const std::vector<float>& d_entropies,
                      const std::vector<float>& d_kls) {
  if (!pending_)
    throw Error("FORWARD_MISSING", "there is no forward to go back through", "Call forward() first.");
  ScoredBatch scored = std::move(*pending_);
  pending_.reset();
  const Targets& targets = scored.targets;
  const size_t tokens = targets.of_token.size();
  for (const auto* derivatives : {&d_logps, &d_entropies, &d_kls}) {
    if (derivatives->size() == tokens || (derivatives != &d_logps && derivatives->empty())) continue;
    throw Error("DERIVATIVE_COUNT",
                "the last forward scored " + std::to_string(tokens) + " tokens, not " +
                    std::to_string(derivatives->size()),
                "Give one derivative for each token that forward() scored.");
  }
  if (!d_kls.empty() && !scored.scores.kls.defined())
    throw Error("FORWARD_MISSING", "the last forward gave no KL to go back through",
                "Ask forward() for it with { kl: true }.");
  if (d_entropies.empty() && d_kls.empty()) {
    if (const auto some = contributing(scored.batch, d_logps)) {
      pending_.emplace(score_batch(policy(), some->batch, scored.temperature, false, scored.computed));
      return backward(some->d_logps, {}, {});
    }
  }
  // Completions that share a node share its log-prob: their derivatives add up, in double so that
  // their order hardly matters.
  std::vector<double> of_target(targets.rows.size());
  for (size_t i = 0; i < tokens; ++i) of_target[targets.of_token[i]] += d_logps[i];
  const auto on_device = [&](const std::vector<double>& values) {
    return at::tensor(values, at::kDouble).to(device_, at::kFloat);
  };
  const auto of_rows = [&](const std::vector<float>& derivatives) {
    if (derivatives.empty()) return at::Tensor();
    std::vector<double> sums(targets.predictors.size());
    for (size_t i = 0; i < tokens; ++i) sums[targets.rows[targets.of_token[i]]] += derivatives[i];
    return on_device(sums);
  };
  const at::Tensor d_hidden =
      scored.scores.backward(on_device(of_target), of_rows(d_entropies), of_rows(d_kls));
  scored.computed->backward(scored.part, scored.rows, targets.predictors, d_hidden, check_);
  synchronize(device_);
}

}  // namespace grpo
