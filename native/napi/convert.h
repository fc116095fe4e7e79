// JavaScript values to plain structs and back, on the JavaScript thread only. No arithmetic.
#pragma once
#include <napi.h>

#include "engine/engine.h"
#include "engine/limits.h"

namespace grpo {

EngineOptions to_engine_options(const Napi::Object& object);
ModelConfig to_model_config(const Napi::Object& object);
TensorLocation to_tensor_location(const Napi::Object& object);
TensorKind to_tensor_kind(const Napi::Value& value);
SampleRequest to_sample_request(const Napi::Object& object);
SamplingOptions to_sampling_options(const Napi::Object& object);
Batch to_batch(const Napi::Object& object);
AdamWOptions to_adamw_options(const Napi::Object& object);
Tokens to_tokens(const Napi::Value& value);                      // Int32Array
double to_number(const Napi::Value& value, const char* name);    // finite
int64_t to_integer(const Napi::Value& value, const char* name);  // towards 0
double to_temperature(const Napi::Value& value);                 // above 0
bool to_is_reference(const Napi::Value& value);                  // `policy` or `reference`
std::vector<float> to_floats(const Napi::Value& value);          // Float32Array, or null for none

template <typename Item>
std::vector<Item> to_vector(const Napi::Value& value, Item (*convert)(const Napi::Object&)) {
  const auto array = value.As<Napi::Array>();
  std::vector<Item> items;
  for (uint32_t i = 0; i < array.Length(); ++i) items.push_back(convert(array.Get(i).As<Napi::Object>()));
  return items;
}

template <typename Array, typename Item>
Array to_typed_array(Napi::Env env, const std::vector<Item>& items) {
  Array array = Array::New(env, items.size());
  std::copy(items.begin(), items.end(), array.Data());
  return array;
}

// Of a Uint8Array.
std::string to_bytes(const Napi::Value& value);

Napi::Value to_value(Napi::Env env, const EngineInfo& info);
Napi::Value to_value(Napi::Env env, const SampledPosition& position);
Napi::Value to_value(Napi::Env env, const TokenScores& scores);
Napi::Value to_value(Napi::Env env, const MemoryReport& report);
Napi::Value to_value(Napi::Env env, const MachineLimits& limits);

// An Error with `code` and `fix`, whatever was thrown.
Napi::Error to_error(Napi::Env env, const std::exception_ptr& thrown);

}  // namespace grpo
