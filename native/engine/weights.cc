// Where the policy's first weights come from: files, or a random generator.
#include <ATen/CPUGeneratorImpl.h>

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
  MappedFiles files;
  make_policy(config, [&](Parameter& parameter) {
    const auto found = locations.find(parameter.name);
    if (found == locations.end() || found->second->shape != parameter.shape) {
      throw Error("TENSOR_MISMATCH",
                  "no tensor " + parameter.name + " of the shape that config.json asks for",
                  "Check that config.json and the weights belong together.");
    }
    parameter.master.copy_(files.tensor(*found->second));
  });
}

// For benchmarks and tests: a model of any shape without a file.
void Engine::initialize(const ModelConfig& config, uint64_t seed) {
  // Drawn on the CPU in the checkpoint's order: the same weights on every device.
  const at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  make_policy(config, [&](Parameter& parameter) {
    if (ends_with(parameter.name, ".bias")) {
      parameter.master.zero_();
    } else if (ends_with(parameter.name, "norm.weight")) {
      parameter.master.fill_(1);
    } else {
      // Rounded to bfloat16, in which checkpoints store their weights.
      const at::Tensor drawn = at::empty(parameter.shape).normal_(0, kDeviation, generator);
      parameter.master.copy_(drawn.to(at::kBFloat16));
    }
  });
}

}  // namespace grpo
