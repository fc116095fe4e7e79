#include "napi/results.h"

#include <algorithm>
#include <map>
#include <string>

namespace grpo {
namespace {

template <typename Array, typename Item>
Array typed_array(Napi::Env env, const std::vector<Item>& items) {
  Array array = Array::New(env, items.size());
  std::copy(items.begin(), items.end(), array.Data());
  return array;
}

Napi::Object record(Napi::Env env, const std::map<std::string, double>& numbers) {
  auto object = Napi::Object::New(env);
  for (const auto& [name, number] : numbers) object.Set(name, number);
  return object;
}

}  // namespace

Napi::Value to_value(Napi::Env env, double number) { return Napi::Number::New(env, number); }

Napi::Value to_value(Napi::Env env, const std::vector<float>& numbers) {
  return typed_array<Napi::Float32Array>(env, numbers);
}

Napi::Value to_value(Napi::Env env, const Bfloat16& bfloat16) {
  const auto& [speed, rows] = bfloat16;
  return record(env, {{"speed", speed},
                      {"fewRows", static_cast<double>(rows.forward)},
                      {"fewRowsOfGrad", static_cast<double>(rows.grad)}});
}

Napi::Value to_value(Napi::Env env, const EngineInfo& info) {
  auto object = Napi::Object::New(env);
  object.Set("torchVersion", info.torch_version);
  object.Set("device", info.device);
  object.Set("dtype", info.dtype);
  object.Set("threads", info.threads);
  object.Set("matrixBackend", info.matmul.name);
  object.Set("matrixGflops", record(env, info.matmul.gflops));
  if (info.bfloat16) object.Set("bfloat16", to_value(env, *info.bfloat16));
  object.Set("cpuCapability", info.cpu_capability);
  if (info.device_memory) {
    auto memory = Napi::Object::New(env);
    memory.Set("total", static_cast<double>(info.device_memory->total));
    memory.Set("free", static_cast<double>(info.device_memory->free));
    object.Set("deviceMemory", memory);
  }
  return object;
}

Napi::Value to_value(Napi::Env env, const SampledPosition& position) {
  auto object = Napi::Object::New(env);
  object.Set("completions", typed_array<Napi::Int32Array>(env, position.completions));
  object.Set("from", typed_array<Napi::Int32Array>(env, position.from));
  object.Set("tokens", typed_array<Napi::Int32Array>(env, position.tokens));
  object.Set("ended", typed_array<Napi::Uint8Array>(env, position.ended));
  object.Set("logps", typed_array<Napi::Float32Array>(env, position.logps));
  object.Set("computed", static_cast<double>(position.computed));
  return object;
}

Napi::Value to_value(Napi::Env env, const TokenScores& scores) {
  auto object = Napi::Object::New(env);
  object.Set("logps", typed_array<Napi::Float32Array>(env, scores.logps));
  object.Set("entropies", typed_array<Napi::Float32Array>(env, scores.entropies));
  if (!scores.kls.empty()) object.Set("kls", typed_array<Napi::Float32Array>(env, scores.kls));
  object.Set("nodes", static_cast<double>(scores.nodes));
  object.Set("computed", static_cast<double>(scores.computed));
  object.Set("predicted", static_cast<double>(scores.predicted));
  return object;
}

Napi::Value to_value(Napi::Env env, const std::vector<ParameterInfo>& parameters) {
  auto array = Napi::Array::New(env, parameters.size());
  for (uint32_t i = 0; i < parameters.size(); ++i) {
    const auto& [name, sides, trainable] = parameters[i];
    auto shape = Napi::Array::New(env, sides.size());
    for (uint32_t d = 0; d < sides.size(); ++d) shape.Set(d, static_cast<double>(sides[d]));
    auto object = Napi::Object::New(env);
    object.Set("name", name);
    object.Set("shape", shape);
    object.Set("trainable", trainable);
    array.Set(i, object);
  }
  return array;
}

Napi::Value to_value(Napi::Env env, const MemoryReport& report) {
  auto object = Napi::Object::New(env);
  object.Set("policy", static_cast<double>(report.policy));
  object.Set("reference", static_cast<double>(report.reference));
  object.Set("gradients", static_cast<double>(report.gradients));
  object.Set("optimizer", static_cast<double>(report.optimizer));
  return object;
}

Napi::Value to_value(Napi::Env env, const MachineLimits& limits) {
  auto object = Napi::Object::New(env);
  object.Set("threads", limits.threads);
  object.Set("float32", record(env, limits.float32));
  object.Set("rounding", limits.rounding);
  object.Set("bfloat16", limits.bfloat16);
  object.Set("read", limits.read);
  object.Set("copy", limits.copy);
  object.Set("update", limits.update);
  return object;
}

}  // namespace grpo
