// Where the policy's first weights come from: files, or a random generator.
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>
#include <map>

#include "engine/engine.h"
#include "error.h"
#include "io/mapped_files.h"

namespace grpo {
namespace {

constexpr double kDeviation = 0.02;  // transformers' initializer_range

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

void Engine::make_policy(const ModelConfig& config, const std::optional<LoraConfig>& lora,
                         const std::function<at::Tensor(const Parameter&)>& weight) {
  if (policy_) throw Error("MODEL_LOADED", "the engine already has a model", "Make another engine.");
  const auto type = info_.dtype == "bfloat16" ? at::kBFloat16 : at::kFloat;
  auto model = std::make_unique<Model>(config, device_, type, lora);
  // Drawn on the CPU: the same adapters on every device.
  const at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(lora ? lora->seed : 0);
  for (auto& parameter : model->parameters()) {
    check_();
    if (ends_with(parameter.name, ".lora_A.weight")) {
      // PEFT's, which is that of torch's Linear: Kaiming's uniform with a = sqrt(5).
      const double bound = 1 / std::sqrt(static_cast<double>(parameter.shape[1]));
      parameter.master.copy_(at::empty(parameter.shape).uniform_(-bound, bound, generator));
    } else if (ends_with(parameter.name, ".lora_B.weight")) {
      parameter.master.zero_();
    } else if (parameter.trainable) {
      parameter.master.copy_(weight(parameter));
    } else {
      const at::Tensor stored = weight(parameter);
      const bool narrow = stored.scalar_type() == at::kBFloat16 && stored.dim() == 2;
      parameter.freeze((narrow ? stored : stored.to(type)).to(device_));
    }
  }
  model->refresh_values();
  optimizer_ = std::make_unique<AdamW>(model->parameters());
  policy_ = std::move(model);
}

void Engine::load(const ModelConfig& config, const std::vector<TensorLocation>& tensors,
                  const std::optional<LoraConfig>& lora) {
  std::map<std::string, const TensorLocation*> locations;
  for (const auto& location : tensors) locations[location.name] = &location;
  MappedFiles files;
  make_policy(config, lora, [&](const Parameter& parameter) {
    const auto found = locations.find(parameter.name);
    if (found == locations.end() || found->second->shape != parameter.shape) {
      throw Error("TENSOR_MISMATCH",
                  "no tensor " + parameter.name + " of the shape that config.json asks for",
                  "Check that config.json and the weights belong together.");
    }
    return files.tensor(*found->second);
  });
}

// For benchmarks and tests: a model of any shape without a file.
void Engine::initialize(const ModelConfig& config, uint64_t seed, const std::optional<LoraConfig>& lora) {
  // Drawn on the CPU in the checkpoint's order: the same weights on every device.
  const at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  make_policy(config, lora, [&](const Parameter& parameter) {
    if (ends_with(parameter.name, ".bias")) return at::zeros(parameter.shape);
    if (ends_with(parameter.name, "norm.weight")) return at::ones(parameter.shape);
    // Rounded to bfloat16, in which checkpoints store their weights.
    return at::empty(parameter.shape).normal_(0, kDeviation, generator).to(at::kBFloat16);
  });
}

}  // namespace grpo
