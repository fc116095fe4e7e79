#include "engine/engine.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/version.h>

#include <algorithm>
#include <map>

#include "engine/device.h"
#include "error.h"

namespace grpo {

Engine::Engine(const EngineOptions& options, std::function<void()> check)
    : check_(std::move(check)), device_(open_device(options.device)) {
  if (options.threads > 0) at::set_num_threads(options.threads);
  info_ = {TORCH_VERSION, device_.str(), options.dtype, at::get_cpu_capability(), at::get_num_threads(), {}};
  info_.matmul =
      device_.is_cpu() ? choose_matmul_backend(options.matmul_backend) : MatmulBackend{"cublas", {}};
}

Model& Engine::policy() {
  if (!policy_) throw Error("MODEL_NOT_LOADED", "the engine has no model yet", "Call load() first.");
  return *policy_;
}

void Engine::load(const ModelConfig& config, const std::vector<TensorLocation>& tensors) {
  if (policy_) throw Error("MODEL_LOADED", "the engine already has a model", "Make another engine.");
  const at::NoGradGuard no_grad;
  const auto type = info_.dtype == "bfloat16" ? at::kBFloat16 : at::kFloat;
  auto model = std::make_unique<Model>(config, device_, type);
  std::map<std::string, const TensorLocation*> locations;
  for (const auto& location : tensors) locations[location.name] = &location;
  std::map<std::string, std::unique_ptr<MappedFile>> files;
  for (auto& parameter : model->parameters()) {
    check_();
    const auto found = locations.find(parameter.name);
    if (found == locations.end() || found->second->shape != parameter.shape) {
      throw Error("TENSOR_MISMATCH",
                  "no tensor " + parameter.name + " of the shape that config.json asks for",
                  "Check that config.json and the weights belong together.");
    }
    auto& file = files[found->second->file];
    if (!file) file = std::make_unique<MappedFile>(found->second->file);
    parameter.master.copy_(file->tensor(*found->second));
  }
  model->refresh_values();
  optimizer_ = std::make_unique<AdamW>(model->parameters());
  policy_ = std::move(model);
}

void Engine::freeze_reference() {
  const at::NoGradGuard no_grad;
  reference_ = policy().frozen_copy();
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
  sampling_ = std::make_unique<Sampling>(policy(), std::move(request));
}

SampledPosition Engine::sample_next(const std::vector<int64_t>& stopped) {
  if (!sampling_)
    throw Error("SAMPLING_NOT_STARTED", "no sampling is under way", "Call sampleStart() first.");
  const at::NoGradGuard no_grad;
  try {
    return sampling_->next(stopped, check_);
  } catch (...) {
    sampling_.reset();  // part of a position was computed: it can't go on
    throw;
  }
}

Engine::Pending Engine::run(const Model& model, const Batch& batch, double temperature) {
  check_tokens(batch.prompts);
  check_tokens(batch.completions);
  Pending pending{BatchForest(batch.prompts, batch.completions, batch.prompt_of), {}};
  Forest& forest = pending.batch.forest;
  const Layout layout = layout_of(forest, 0, forest.take_segments(), model.layout_options());
  const at::Tensor hidden = model.forward(layout, nullptr, check_);  // [nodes, hidden]
  const at::Tensor predictors = at::tensor(pending.batch.predictors, at::kLong).to(device_);
  pending.scores = log_probs(hidden.index_select(0, predictors), &model.output_weight(),
                             pending.batch.target_rows, pending.batch.target_tokens, temperature);
  return pending;
}

TokenScores Engine::gather(const Pending& pending) {
  const at::Tensor logps = pending.scores.logps.detach().cpu(),
                   entropies = pending.scores.entropies.detach().cpu();
  TokenScores scores{{}, {}, pending.batch.forest.size()};
  for (const int64_t target : pending.batch.target_of_token) {
    scores.logps.push_back(logps.const_data_ptr<float>()[target]);
    scores.entropies.push_back(entropies.const_data_ptr<float>()[pending.batch.target_rows[target]]);
  }
  return scores;
}

TokenScores Engine::score(const Batch& batch, bool reference, double temperature) {
  const at::NoGradGuard no_grad;
  if (reference && !reference_) {
    throw Error("REFERENCE_MISSING", "the engine has no reference", "Call freezeReference() first.");
  }
  return gather(run(reference ? *reference_ : policy(), batch, temperature));
}

TokenScores Engine::forward(const Batch& batch, double temperature) {
  pending_.reset();  // before the next activations are held
  pending_ = run(policy(), batch, temperature);
  return gather(*pending_);
}

void Engine::backward(const std::vector<float>& d_logps, const std::vector<float>& d_entropies) {
  if (!pending_)
    throw Error("FORWARD_MISSING", "there is no forward to go back through", "Call forward() first.");
  const Pending pending = std::move(*pending_);
  pending_.reset();
  const auto& [batch, scores] = pending;
  const size_t tokens = batch.target_of_token.size();
  if (d_logps.size() != tokens || (!d_entropies.empty() && d_entropies.size() != tokens)) {
    throw Error("DERIVATIVE_COUNT",
                "the last forward scored " + std::to_string(tokens) + " tokens, not " +
                    std::to_string(d_logps.size()),
                "Give one derivative for each token that forward() scored.");
  }
  // Completions that share a node share its log-prob: their derivatives add up, in double so that
  // the order in which they come hardly matters.
  std::vector<double> of_target(batch.target_rows.size()), of_row(batch.predictors.size());
  for (size_t i = 0; i < tokens; ++i) {
    of_target[batch.target_of_token[i]] += d_logps[i];
    if (!d_entropies.empty()) of_row[batch.target_rows[batch.target_of_token[i]]] += d_entropies[i];
  }
  const auto on_device = [&](const std::vector<double>& values) {
    return at::tensor(values, at::kDouble).to(device_, at::kFloat);
  };
  std::vector<at::Tensor> outputs{scores.logps}, derivatives{on_device(of_target)};
  if (!d_entropies.empty()) {
    outputs.push_back(scores.entropies);
    derivatives.push_back(on_device(of_row));
  }
  torch::autograd::backward(outputs, derivatives);
}

double Engine::optimizer_step(const AdamWOptions& options) {
  const at::NoGradGuard no_grad;
  policy();
  const double norm = optimizer_->step(options);
  policy().refresh_values();
  return norm;
}

void Engine::zero_grad() {
  pending_.reset();
  for (auto& parameter : policy().parameters()) parameter.zero_grad();
}

std::vector<float> Engine::logits(const Tokens& ids) {
  const at::NoGradGuard no_grad;
  check_tokens({ids});
  Forest forest;
  forest.insert(Forest::kRoot, ids);
  const Layout layout = layout_of(forest, 0, forest.take_segments(), policy().layout_options());
  const at::Tensor logits = policy().logits(policy().forward(layout, nullptr, check_)).cpu().contiguous();
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
  }
  throw Error("TENSOR_UNKNOWN", "unknown kind of tensor", "Use weight, grad, exp_avg or exp_avg_sq.");
}

void Engine::read_tensors(const std::vector<std::pair<TensorLocation, TensorKind>>& tensors) {
  const at::NoGradGuard no_grad;
  std::map<std::string, std::unique_ptr<MappedFile>> files;
  for (const auto& [location, kind] : tensors) {
    auto& file = files[location.file];
    if (!file) file = std::make_unique<MappedFile>(location.file);
    const at::Tensor source = file->tensor(location);
    at::Tensor target = tensor(location.name, kind);
    if (source.sizes() != target.sizes()) {
      throw Error("TENSOR_MISMATCH",
                  "tensor " + location.name + " in " + location.file + " has another shape",
                  "The checkpoint belongs to another model.");
    }
    target.copy_(source);
  }
  policy().refresh_values();
}

void Engine::set_optimizer_steps(int64_t steps) {
  policy();
  optimizer_->set_steps(steps);
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
