// What the engine gives, as JavaScript values: the types of src/engine/types.ts. On the JavaScript thread
// only.
#pragma once
#include <napi.h>

#include <vector>

#include "engine/engine.h"
#include "engine/limits.h"

namespace grpo {

Napi::Value to_value(Napi::Env env, double number);
Napi::Value to_value(Napi::Env env, const std::vector<float>& numbers);  // Float32Array
Napi::Value to_value(Napi::Env env, const EngineInfo& info);
Napi::Value to_value(Napi::Env env, const SampledPosition& position);
Napi::Value to_value(Napi::Env env, const TokenScores& scores);
Napi::Value to_value(Napi::Env env, const std::vector<ParameterInfo>& parameters);
Napi::Value to_value(Napi::Env env, const MemoryReport& report);
Napi::Value to_value(Napi::Env env, const MachineLimits& limits);

}  // namespace grpo
