#include "engine/engine.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/version.h>

#include <algorithm>
#include <map>

#include "engine/device.h"
#include "engine/tensor_memory.h"
#include "error.h"

namespace grpo {

Engine::Engine(const EngineOptions& options, std::function<void()> check)
    : check_(std::move(check)), device_(open_device(options.device)) {
  use_tensor_memory();
  if (options.threads > 0) at::set_num_threads(options.threads);
  info_ = {
      TORCH_VERSION, device_.str(), options.dtype, at::get_cpu_capability(), at::get_num_threads(), {}, {}};
  info_.matmul =
      device_.is_cpu() ? choose_matmul_backend(options.matmul_backend) : MatmulBackend{"cublas", {}};
  if (device_.is_cpu() && options.dtype == "bfloat16") info_.bfloat16_speed = bfloat16_speed();
}

Engine::~Engine() {
  forget_activations();
  sampling_.reset();
  optimizer_.reset();
  policy_.reset();
  reference_.reset();
  trim_tensor_memory();
}

Model& Engine::policy() {
  if (!policy_) throw Error("MODEL_NOT_LOADED", "the engine has no model yet", "Call load() first.");
  return *policy_;
}

void Engine::make_policy(const ModelConfig& config, const std::function<void(Parameter&)>& fill) {
  if (policy_) throw Error("MODEL_LOADED", "the engine already has a model", "Make another engine.");
  const auto type = info_.dtype == "bfloat16" ? at::kBFloat16 : at::kFloat;
  auto model = std::make_unique<Model>(config, device_, type);
  for (auto& parameter : model->parameters()) {
    check_();
    fill(parameter);
  }
  model->refresh_values();
  optimizer_ = std::make_unique<AdamW>(model->parameters());
  policy_ = std::move(model);
}

void Engine::load(const ModelConfig& config, const std::vector<TensorLocation>& tensors) {
  std::map<std::string, const TensorLocation*> locations;
  for (const auto& location : tensors) locations[location.name] = &location;
  std::map<std::string, std::unique_ptr<MappedFile>> files;
  make_policy(config, [&](Parameter& parameter) {
    const auto found = locations.find(parameter.name);
    if (found == locations.end() || found->second->shape != parameter.shape) {
      throw Error("TENSOR_MISMATCH",
                  "no tensor " + parameter.name + " of the shape that config.json asks for",
                  "Check that config.json and the weights belong together.");
    }
    auto& file = files[found->second->file];
    if (!file) file = std::make_unique<MappedFile>(found->second->file);
    parameter.master.copy_(file->tensor(*found->second));
  });
}

void Engine::freeze_reference() { reference_ = policy().frozen_copy(); }

Model& Engine::reference() {
  if (reference_) return *reference_;
  throw Error("REFERENCE_MISSING", "the engine has no reference", "Call freezeReference() first.");
}

void Engine::mix_reference(double alpha) {
  auto& frozen = reference().parameters();
  for (size_t i = 0; i < frozen.size(); ++i) {
    check_();
    const at::Tensor mixed =
        frozen[i].value.to(at::kFloat).mul(1 - alpha).add_(parameters()[i].master, alpha);
    frozen[i].freeze(mixed.to(policy().options().dtype()));
  }
}

void Engine::check_tokens(const std::vector<Tokens>& sequences) {
  const int64_t vocab = policy().config.vocab_size;
  for (const auto& tokens : sequences) {
    if (tokens.empty()) throw Error("BAD_ARGUMENT", "a sequence has no token", "Give each at least one.");
    for (const int64_t token : tokens) {
      if (token >= 0 && token < vocab) continue;
      throw Error("BAD_ARGUMENT",
                  "token " + std::to_string(token) + " is not one of the model's " + std::to_string(vocab),
                  "Encode the text with the model's own tokenizer.");
    }
  }
}

void Engine::sample_start(SampleRequest request) {
  check_tokens(request.prompts);
  forget_activations();
  sampling_ = std::make_unique<Sampling>(policy(), std::move(request));
}

SampledPosition Engine::sample_next(const std::vector<int64_t>& stopped) {
  if (!sampling_)
    throw Error("SAMPLING_NOT_STARTED", "no sampling is under way", "Call sampleStart() first.");
  try {
    return sampling_->next(stopped, check_);
  } catch (...) {
    sampling_.reset();  // part of a position was computed: it can't go on
    throw;
  }
}

void Engine::sample_end() {
  if (sampling_ && sampling_->computed()->for_backward()) sampled_ = sampling_->computed();
  sampling_.reset();
}

void Engine::forget_activations() {
  sampled_.reset();
  pending_.reset();
}

Engine::Pending Engine::run(const Model& model, const Batch& batch, double temperature,
                            const std::shared_ptr<ComputedForest>& computed) {
  insert_batch(computed->forest, batch);
  const int64_t fresh = computed->compute(computed->forest.size(), check_);

  Forest part;
  const Targets targets(batch, insert_batch(part, batch));
  std::vector<int64_t> rows(part.size());
  for (int64_t node = 0; node < part.size(); ++node) {
    const int64_t parent = part.parent(node);
    rows[node] = computed->forest.child(parent == Forest::kRoot ? parent : rows[parent], part.token(node));
  }
  std::vector<int64_t> predictor_rows;
  for (const int64_t node : targets.predictors) predictor_rows.push_back(rows[node]);
  LogProbs scores(computed->hidden(predictor_rows), model.output(), targets.rows, targets.tokens, temperature,
                  computed->for_backward(), computed->vocabulary.find(predictor_rows, temperature));
  return {batch, temperature, computed, std::move(part), std::move(rows), targets, std::move(scores), fresh};
}

TokenScores Engine::gather(const Pending& pending) {
  const at::Tensor logps = pending.scores.logps.cpu(), entropies = pending.scores.entropies.cpu();
  TokenScores scores{{}, {}, pending.part.size(), pending.fresh, pending.scores.computed_rows()};
  for (const int64_t target : pending.targets.of_token) {
    scores.logps.push_back(logps.const_data_ptr<float>()[target]);
    scores.entropies.push_back(entropies.const_data_ptr<float>()[pending.targets.rows[target]]);
  }
  return scores;
}

TokenScores Engine::score(const Batch& batch, bool reference, double temperature) {
  const Model& model = reference ? this->reference() : policy();
  check_tokens(batch.prompts);
  check_tokens(batch.completions);
  return gather(run(model, batch, temperature, std::make_shared<ComputedForest>(model, false)));
}

TokenScores Engine::forward(const Batch& batch, double temperature) {
  check_tokens(batch.prompts);
  check_tokens(batch.completions);
  pending_.reset();  // before the next activations are held
  // The policy has computed what it sampled: mostly, or altogether, what is asked for here. If it
  // throws on the way, what was sampled is of no use any more.
  const auto sampled = std::exchange(sampled_, nullptr);
  const auto computed = sampled ? sampled : std::make_shared<ComputedForest>(policy(), true);
  pending_.emplace(run(policy(), batch, temperature, computed));
  sampled_ = sampled;
  return gather(*pending_);
}

namespace {

// The completions that the loss depends on, and their derivatives: where groups had equal rewards and
// nothing else is in the loss, the rest bring exactly nothing. None where too few do to be worth another
// look at the vocabulary.
std::optional<std::pair<Batch, std::vector<float>>> without_idle(const Batch& batch,
                                                                 const std::vector<float>& d_logps,
                                                                 const std::vector<float>& d_entropies) {
  constexpr double kWorthIt = 0.25;
  if (!d_entropies.empty()) return {};
  Batch kept;
  std::vector<float> derivatives;
  auto begin = d_logps.begin();
  for (size_t i = 0; i < batch.completions.size(); ++i) {
    const auto end = begin + static_cast<int64_t>(batch.completions[i].size());
    if (std::any_of(begin, end, [](float derivative) { return derivative != 0; })) {
      kept.completions.push_back(batch.completions[i]);
      kept.prompt_of.push_back(batch.prompt_of[i]);
      derivatives.insert(derivatives.end(), begin, end);
    }
    begin = end;
  }
  const size_t idle = batch.completions.size() - kept.completions.size();
  if (kept.completions.empty() || idle < kWorthIt * static_cast<double>(batch.completions.size())) return {};
  // Prompts that no completion is left of would be gone back through for nothing.
  std::vector<int64_t> index(batch.prompts.size(), -1);
  for (int64_t& prompt : kept.prompt_of) {
    if (index[prompt] < 0) {
      index[prompt] = static_cast<int64_t>(kept.prompts.size());
      kept.prompts.push_back(batch.prompts[prompt]);
    }
    prompt = index[prompt];
  }
  return {{kept, derivatives}};
}

}  // namespace

void Engine::backward(const std::vector<float>& d_logps, const std::vector<float>& d_entropies) {
  if (!pending_)
    throw Error("FORWARD_MISSING", "there is no forward to go back through", "Call forward() first.");
  Pending pending = std::move(*pending_);
  pending_.reset();
  const Targets& targets = pending.targets;
  const size_t tokens = targets.of_token.size();
  if (d_logps.size() != tokens || (!d_entropies.empty() && d_entropies.size() != tokens)) {
    throw Error("DERIVATIVE_COUNT",
                "the last forward scored " + std::to_string(tokens) + " tokens, not " +
                    std::to_string(d_logps.size()),
                "Give one derivative for each token that forward() scored.");
  }
  if (auto some = without_idle(pending.batch, d_logps, d_entropies)) {
    const auto& [batch, derivatives] = *some;
    pending_.emplace(run(policy(), batch, pending.temperature, pending.computed));
    return backward(derivatives, {});
  }
  // Completions that share a node share its log-prob: their derivatives add up, in double so that
  // the order in which they come hardly matters.
  std::vector<double> of_target(targets.rows.size()), of_row(targets.predictors.size());
  for (size_t i = 0; i < tokens; ++i) {
    of_target[targets.of_token[i]] += d_logps[i];
    if (!d_entropies.empty()) of_row[targets.rows[targets.of_token[i]]] += d_entropies[i];
  }
  const auto on_device = [&](const std::vector<double>& values) {
    return at::tensor(values, at::kDouble).to(device_, at::kFloat);
  };
  const at::Tensor d_hidden =
      pending.scores.backward(on_device(of_target), d_entropies.empty() ? at::Tensor() : on_device(of_row));
  pending.computed->backward(pending.part, pending.rows, targets.predictors, d_hidden, check_);
}

double Engine::optimizer_step(const AdamWOptions& options) {
  policy();
  forget_activations();
  return optimizer_->step(options);
}

void Engine::zero_grad() {
  forget_activations();
  for (auto& parameter : policy().parameters()) parameter.zero_grad();
}

std::vector<float> Engine::logits(const Tokens& ids) {
  check_tokens({ids});
  ComputedForest computed(policy(), false);
  const auto nodes = computed.forest.insert(Forest::kRoot, ids);
  computed.compute(computed.forest.size(), check_);
  const at::Tensor logits = policy().logits(computed.hidden(nodes)).cpu().contiguous();
  return {logits.const_data_ptr<float>(), logits.const_data_ptr<float>() + logits.numel()};
}

at::Tensor Engine::tensor(const std::string& name, TensorKind kind) {
  Parameter& parameter = policy().parameter(name);
  const auto index = static_cast<size_t>(
      std::find_if(parameters().begin(), parameters().end(), [&](auto& p) { return &p == &parameter; }) -
      parameters().begin());
  switch (kind) {
    case TensorKind::kWeight:
      return parameter.master;
    case TensorKind::kGrad:
      return parameter.has_grad ? parameter.grad : at::zeros_like(parameter.master);
    case TensorKind::kExpAvg:
      return optimizer_->exp_avg(index);
    case TensorKind::kExpAvgSq:
      return optimizer_->exp_avg_sq(index);
    case TensorKind::kReference:
      return reference().parameter(name).value.to(at::kFloat);
  }
  throw Error("TENSOR_UNKNOWN", "unknown kind of tensor",
              "Use weight, grad, exp_avg, exp_avg_sq or reference.");
}

at::Tensor Engine::copy(const std::string& name, TensorKind kind) {
  const at::Tensor source = tensor(name, kind);
  at::Tensor copy = at::empty(source.sizes(), at::TensorOptions(at::kCPU).dtype(at::kFloat));
  return copy.copy_(source);
}

void Engine::read_tensors(const std::vector<std::pair<TensorLocation, TensorKind>>& tensors) {
  forget_activations();
  std::map<std::string, std::unique_ptr<MappedFile>> files;
  for (const auto& [location, kind] : tensors) {
    auto& file = files[location.file];
    if (!file) file = std::make_unique<MappedFile>(location.file);
    const at::Tensor source = file->tensor(location);
    const at::Tensor target = tensor(location.name, kind);
    if (source.sizes() != target.sizes()) {
      throw Error("TENSOR_MISMATCH",
                  "tensor " + location.name + " in " + location.file + " has another shape",
                  "The checkpoint belongs to another model.");
    }
    if (kind == TensorKind::kReference) {
      reference().parameter(location.name).freeze(source.to(policy().options()));
    } else {
      target.copy_(source);
    }
  }
  policy().refresh_values();
}

void Engine::set_optimizer_steps(int64_t steps) {
  policy();
  optimizer_->set_steps(steps);
}

void Engine::reset_optimizer() {
  policy();
  optimizer_->reset();
}

void Engine::limit_memory(int64_t more) {
  if (device_.is_cpu()) limit_tensor_memory(more);
}

MemoryReport Engine::memory() {
  const auto bytes = [](const Model* model, bool grads) {
    int64_t sum = 0;
    for (const auto& p : model->parameters_view()) {
      if (grads) {
        sum += p.grad.defined() ? static_cast<int64_t>(p.grad.nbytes()) : 0;
        continue;
      }
      sum += static_cast<int64_t>(p.master.nbytes());
      if (!p.value.is_same(p.master)) sum += static_cast<int64_t>(p.value.nbytes());
    }
    return sum;
  };
  return {policy_ ? bytes(policy_.get(), false) : 0, reference_ ? bytes(reference_.get(), false) : 0,
          policy_ ? bytes(policy_.get(), true) : 0, optimizer_ ? optimizer_->bytes() : 0};
}

}  // namespace grpo
