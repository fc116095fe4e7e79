#include "engine/engine.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/version.h>

#include "engine/device.h"
#include "engine/device_memory.h"
#include "engine/numbers.h"
#include "engine/tensor_memory.h"
#include "error.h"
#include "ranks/ranks.h"

namespace grpo {
namespace {

// What bfloat16 has to be to be chosen: it rounds, and keeps a second copy of the weights.
constexpr double kClearlyFaster = 1.2;

}  // namespace

Engine::Engine(const EngineOptions& options, std::function<void()> check)
    : device_(open_device(options.device)), check_([device = device_, check = std::move(check)] {
        check();
        check_memory(device);
      }) {
  use_tensor_memory();
  if (options.threads > 0) at::set_num_threads(options.threads);
  info_ = {TORCH_VERSION,
           device_.str(),
           options.dtype,
           at::get_cpu_capability(),
           at::get_num_threads(),
           {},
           {},
           {}};
  info_.matmul = device_.is_cpu() ? choose_matmul_backend(options.matmul_backend, options.matmul_shape)
                                  : MatmulBackend{device_.is_cuda() ? "cublas" : "own", {}};
  if (device_.is_cpu() && options.dtype != "float32") {
    info_.bfloat16 =
        options.bfloat16 ? *options.bfloat16 : measure_bfloat16(info_.matmul.name, options.matmul_shape);
    set_bfloat16_few_rows(info_.bfloat16->few_rows);
  }
  if (options.dtype == "auto") {
    const bool faster = !info_.bfloat16 || info_.bfloat16->speed > kClearlyFaster;
    info_.dtype = faster ? "bfloat16" : "float32";
  }
}

Engine::~Engine() {
  forget_activations();
  sampling_.reset();
  optimizer_.reset();
  policy_.reset();
  reference_.reset();
  trim_memory(device_);
}

EngineInfo Engine::info() const {
  EngineInfo info = info_;
  info.device_memory = device_memory(device_);
  return info;
}

Model& Engine::policy() {
  if (!policy_) throw Error("MODEL_NOT_LOADED", "the engine has no model yet", "Call load() first.");
  return *policy_;
}

Model& Engine::reference() {
  if (reference_) return *reference_;
  throw Error("REFERENCE_MISSING", "the engine has no reference model", "Call freezeReference() first.");
}

Model& Engine::own_reference() {
  if (policy().lora)
    throw Error("BAD_ARGUMENT", "the reference of a model with adapters is the model without them",
                "Only a model whose weights all learn has a reference to save, read or mix.");
  return reference();
}

void Engine::freeze_reference() {
  pending_.reset();  // its KLs would be to the reference before
  reference_ = policy().frozen_copy();
}

void Engine::mix_reference(double alpha) {
  pending_.reset();
  auto& frozen = own_reference().parameters();
  const auto& trained = policy().parameters();
  for (size_t i = 0; i < frozen.size(); ++i) {
    check_();
    const at::Tensor mixed = frozen[i].value.to(at::kFloat).mul(1 - alpha).add_(trained[i].master, alpha);
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
  sampling_ = make_sampling(policy(), std::move(request));
}

SampledPosition Engine::sample_next(const std::vector<int64_t>& stopped) {
  if (!sampling_)
    throw Error("SAMPLING_NOT_STARTED", "no sampling is under way", "Call sampleStart() first.");
  try {
    return sampling_->next(stopped, check_);
  } catch (...) {
    sampling_.reset();  // it can't go on from a position that was computed in part
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

void Engine::sum_gradients(double seconds) {
  forget_activations();
  for (auto& parameter : policy().parameters()) {
    if (!parameter.trainable) continue;
    parameter.need_grad();  // a rank that had nothing to learn adds zeros: the others wait for it
    check_();
    at::Tensor numbers = parameter.grad.cpu();
    Ranks::get().sum(numbers.data_ptr<float>(), numbers.numel(), seconds);
    if (!parameter.grad.is_cpu()) parameter.grad.copy_(numbers);
  }
}

double Engine::optimizer_step(const AdamWOptions& options) {
  policy();
  forget_activations();
  const double norm = optimizer_->step(options);
  synchronize(device_);
  return norm;
}

void Engine::zero_grad() {
  forget_activations();
  for (auto& parameter : policy().parameters()) parameter.zero_grad();
}

void Engine::set_optimizer_steps(int64_t steps) {
  policy();
  optimizer_->set_steps(steps);
}

void Engine::reset_optimizer() {
  policy();
  optimizer_->reset();
}

std::vector<float> Engine::logits(const Tokens& ids) {
  check_tokens({ids});
  ComputedForest computed(policy(), false);
  const auto nodes = computed.forest.insert(Forest::kRoot, ids);
  computed.compute(computed.forest.size(), check_);
  return numbers_of(policy().logits(computed.hidden(nodes)));
}

void Engine::limit_memory(int64_t more) { grpo::limit_memory(device_, more); }

}  // namespace grpo
