#include "napi/engine_methods.h"

#include <memory>
#include <tuple>
#include <type_traits>

#include "napi/arguments.h"
#include "napi/results.h"
#include "napi/snapshot.h"
#include "napi/values.h"

namespace grpo {
namespace {

// Holds `computed` until the JavaScript thread makes a value of it.
template <typename Computed>
Result result_of(Computed computed) {
  return [held = std::make_shared<const Computed>(std::move(computed))](Napi::Env env) {
    return to_value(env, *held);
  };
}

// Reads the i-th argument with the i-th of `read`; the work is to call `verb` of the engine with them.
template <auto verb, auto... read>
Work prepare(const Napi::CallbackInfo& call) {
  [[maybe_unused]] auto next = [&call, i = size_t{0}]() mutable { return call[i++]; };
  // (A braced list is evaluated from left to right.)
  std::tuple<decltype(read(Napi::Value()))...> arguments{read(next())...};
  return [arguments = std::move(arguments)](Engine& engine) -> Result {
    return std::apply(
        [&](const auto&... argument) -> Result {
          if constexpr (std::is_void_v<decltype(std::invoke(verb, engine, argument...))>) {
            std::invoke(verb, engine, argument...);
            return undefined;
          } else {
            return result_of(std::invoke(verb, engine, argument...));
          }
        },
        arguments);
  };
}

constexpr Method kMethods[] = {
    {"info", prepare<&Engine::info>},

    {"load", prepare<&Engine::load, read_model_config, read_tensor_locations, read_lora_config>},
    {"initialize", prepare<&Engine::initialize, read_model_config, read_seed, read_lora_config>},
    {"freezeReference", prepare<&Engine::freeze_reference>},
    {"mixReference", prepare<&Engine::mix_reference, read_alpha>},

    {"sampleStart", prepare<&Engine::sample_start, read_sample_request>},
    {"sampleNext", prepare<&Engine::sample_next, to_tokens>},
    {"sampleEnd", prepare<&Engine::sample_end>},

    {"score", prepare<&Engine::score, read_batch, read_which_model, read_temperature, to_boolean>},
    {"forward", prepare<&Engine::forward, read_batch, read_temperature, to_boolean>},
    {"backward", prepare<&Engine::backward, to_floats, to_floats, to_floats>},
    {"sumGradients", prepare<&Engine::sum_gradients, read_seconds>},
    {"optimizerStep", prepare<&Engine::optimizer_step, read_adamw_options>},
    {"zeroGrad", prepare<&Engine::zero_grad>},

    {"logits", prepare<&Engine::logits, to_tokens>},
    {"parameters", prepare<&Engine::parameters>},
    {"tensor", prepare<&Engine::tensor_values, to_string, read_tensor_kind>},
    {"writeTensors", prepare<&Engine::write_tensors, to_string, to_bytes, read_named_tensors>},
    {"snapshot", prepare<&Engine::snapshot, read_named_tensors>},
    {"readTensors", prepare<&Engine::read_tensors, read_stored_tensors>},
    {"setOptimizerSteps", prepare<&Engine::set_optimizer_steps, read_optimizer_steps>},
    {"resetOptimizer", prepare<&Engine::reset_optimizer>},

    {"memory", prepare<&Engine::memory>},
    {"limitMemory", prepare<&Engine::limit_memory, read_memory_limit>},
};

}  // namespace

std::span<const Method> engine_methods() { return kMethods; }

}  // namespace grpo
