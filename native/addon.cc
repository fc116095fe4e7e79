// The addon's entry. Holds no JavaScript reference in a static: every environment that loads it
// (the main thread, each worker thread) gets a class of its own.
#include <napi.h>

#include "engine/limits.h"
#include "napi/convert.h"
#include "napi/engine_wrap.h"
#include "napi/snapshot.h"

namespace {

// Runs on the JavaScript thread: a window for tests on what the sampler draws from.
Napi::Value probabilities(const Napi::CallbackInfo& info) {
  try {
    std::vector<float> logits = grpo::to_floats(info[0]);
    const at::Tensor row = at::from_blob(logits.data(), {1, static_cast<int64_t>(logits.size())});
    const at::Tensor probs = grpo::probabilities(row, {grpo::to_tokens(info[1])},
                                                 grpo::to_sampling_options(info[2].As<Napi::Object>()));
    const std::vector<float> values(probs.const_data_ptr<float>(),
                                    probs.const_data_ptr<float>() + probs.numel());
    return grpo::to_typed_array<Napi::Float32Array>(info.Env(), values);
  } catch (const std::exception&) {
    throw grpo::to_error(info.Env(), std::current_exception());
  }
}

Napi::Value uniform(const Napi::CallbackInfo& info) {
  const auto word = [&](size_t i) { return static_cast<uint32_t>(info[i].ToNumber().Int64Value()); };
  const auto seed = static_cast<uint64_t>(info[0].ToNumber().Int64Value());
  return Napi::Number::New(info.Env(), grpo::uniform({seed, word(1), word(2), word(3), word(4)}));
}

// Runs on the JavaScript thread, for about a second: a benchmark has nothing else to do.
Napi::Value machine_limits(const Napi::CallbackInfo& info) {
  try {
    const int64_t threads = grpo::to_integer(info[0].As<Napi::Object>().Get("threads"), "threads");
    return grpo::to_value(info.Env(), grpo::measure_machine_limits(static_cast<int>(threads)));
  } catch (const std::exception&) {
    throw grpo::to_error(info.Env(), std::current_exception());
  }
}

// process.exit() runs libtorch's static destructors without ending the environment first: an
// engine's thread must be gone by then.
void end_engines(const Napi::CallbackInfo& info) {
  for (auto* engine : std::set(info.Env().GetInstanceData<grpo::AddonData>()->engines)) engine->shut_down();
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new grpo::AddonData);
  const auto process = env.Global().Get("process").As<Napi::Object>();
  process.Get("once").As<Napi::Function>().Call(
      process, {Napi::String::New(env, "exit"), Napi::Function::New<end_engines>(env, "endEngines")});
  exports.Set("Engine", grpo::EngineWrap::define(env));
  exports.Set("probabilities", Napi::Function::New<probabilities>(env, "probabilities"));
  exports.Set("writeSnapshot", Napi::Function::New<grpo::write_snapshot>(env, "writeSnapshot"));
  exports.Set("uniform", Napi::Function::New<uniform>(env, "uniform"));
  exports.Set("machineLimits", Napi::Function::New<machine_limits>(env, "machineLimits"));
  return exports;
}

NODE_API_MODULE(grpo_native, init)

}  // namespace
