// Weights out of nothing, for benchmarks and tests: a model of any shape, and no file.
#include <ATen/CPUGeneratorImpl.h>

#include "engine/engine.h"

namespace grpo {
namespace {

constexpr double kDeviation = 0.02;  // transformers' initializer_range

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

void Engine::initialize(const ModelConfig& config, uint64_t seed) {
  // Drawn on the CPU in the checkpoint's order: the same weights on every device.
  const at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  make_policy(config, [&](Parameter& parameter) {
    if (ends_with(parameter.name, ".bias")) {
      parameter.master.zero_();
    } else if (ends_with(parameter.name, "norm.weight")) {
      parameter.master.fill_(1);
    } else {
      // Numbers of bfloat16, as checkpoints have them.
      const at::Tensor drawn = at::empty(parameter.shape).normal_(0, kDeviation, generator);
      parameter.master.copy_(drawn.to(at::kBFloat16));
    }
  });
}

}  // namespace grpo
