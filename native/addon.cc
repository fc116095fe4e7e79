// The addon's entry: what `require` gives. No JavaScript reference is held in a static variable: every
// environment that loads the addon (the main thread, each worker thread) gets a class of its own.
#include <napi.h>

#include "engine/limits.h"
#include "engine/numbers.h"
#include "napi/arguments.h"
#include "napi/engine_wrap.h"
#include "napi/errors.h"
#include "napi/ranks.h"
#include "napi/results.h"
#include "napi/snapshot.h"
#include "napi/values.h"
#include "sample/philox.h"

namespace {

// For tests: the probabilities that sampling draws a token from, given logits. On the JavaScript thread.
Napi::Value probabilities(const Napi::CallbackInfo& call) {
  return grpo::with_coded_errors(call.Env(), [&] {
    std::vector<float> logits = grpo::to_floats(call[0]);
    const at::Tensor row = at::from_blob(logits.data(), {1, static_cast<int64_t>(logits.size())});
    const at::Tensor probs =
        grpo::probabilities(row, {grpo::to_tokens(call[1])}, grpo::read_sampling_options(call[2]));
    return grpo::to_value(call.Env(), grpo::numbers_of(probs));
  });
}

// For tests: the random number that the draw of a token is made with.
Napi::Value uniform(const Napi::CallbackInfo& call) {
  const auto word = [&](size_t i) { return static_cast<uint32_t>(call[i].ToNumber().Int64Value()); };
  const auto seed = static_cast<uint64_t>(call[0].ToNumber().Int64Value());
  return grpo::to_value(call.Env(), grpo::uniform({seed, word(1), word(2), word(3), word(4)}));
}

// For tests: tokens drawn from rows of logits, one for each uniform number of a row, and their log-probs, by
// one of the two implementations.
Napi::Value draw_tokens(const Napi::CallbackInfo& call) {
  return grpo::with_coded_errors(call.Env(), [&] {
    const grpo::Fields request(call[0]);
    grpo::DrawRows rows;
    for (const auto& uniforms : grpo::to_vector(request["uniforms"], grpo::to_floats))
      rows.uniforms.emplace_back(uniforms.begin(), uniforms.end());
    rows.history = grpo::to_vector(request["history"], grpo::to_tokens);
    std::vector<float> numbers = grpo::to_floats(request["logits"]);
    const auto count = static_cast<int64_t>(rows.uniforms.size());
    const at::Tensor logits =
        at::from_blob(numbers.data(), {count, static_cast<int64_t>(numbers.size()) / count});
    const auto options = grpo::read_sampling_options(call[0]);
    const grpo::Drawn drawn = request.boolean("onDevice") ? grpo::draw_on_device(logits, rows, options)
                                                          : grpo::draw_on_host(logits, rows, options);
    std::vector<float> ids, logps;
    for (const auto& tokens : drawn.tokens) {
      for (const auto& token : tokens) {
        ids.push_back(static_cast<float>(token.id));
        logps.push_back(token.logp);
      }
    }
    auto result = Napi::Object::New(call.Env());
    result.Set("ids", grpo::to_value(call.Env(), ids));
    result.Set("logps", grpo::to_value(call.Env(), logps));
    return result;
  });
}

// For tests: throws what an error of libtorch with this text becomes.
void throw_libtorch_error(const Napi::CallbackInfo& call) {
  const std::string message = grpo::to_string(call[0]);
  grpo::with_coded_errors(call.Env(), [&]() -> void { throw std::runtime_error(message); });
}

// For benchmarks. Blocks the JavaScript thread for about a second.
Napi::Value machine_limits(const Napi::CallbackInfo& call) {
  return grpo::with_coded_errors(call.Env(), [&] {
    const grpo::Fields options(call[0]);
    const auto threads = static_cast<int>(options.integer("threads"));
    return grpo::to_value(call.Env(), grpo::measure_machine_limits(options.string("device"), threads));
  });
}

// process.exit() runs libtorch's static destructors without ending the environment first: the engines'
// threads must have ended by then.
void end_engines(const Napi::CallbackInfo& call) {
  for (auto* engine : std::set(call.Env().GetInstanceData<grpo::AddonData>()->engines)) engine->shut_down();
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new grpo::AddonData);
  const auto process = env.Global().Get("process").As<Napi::Object>();
  process.Get("once").As<Napi::Function>().Call(
      process, {Napi::String::New(env, "exit"), Napi::Function::New<end_engines>(env, "endEngines")});
  exports.Set("Engine", grpo::EngineWrap::define(env));
  exports.Set("ranks", grpo::define_ranks(env));
  exports.Set("probabilities", Napi::Function::New<probabilities>(env, "probabilities"));
  exports.Set("drawTokens", Napi::Function::New<draw_tokens>(env, "drawTokens"));
  exports.Set("throwLibtorchError", Napi::Function::New<throw_libtorch_error>(env, "throwLibtorchError"));
  exports.Set("writeSnapshot", Napi::Function::New<grpo::write_snapshot>(env, "writeSnapshot"));
  exports.Set("uniform", Napi::Function::New<uniform>(env, "uniform"));
  exports.Set("machineLimits", Napi::Function::New<machine_limits>(env, "machineLimits"));
  return exports;
}

NODE_API_MODULE(grpo_native, init)

}  // namespace
