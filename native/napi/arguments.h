// What a call from JavaScript brings, as the engine's structs: the types of src/engine/types.ts, checked.
// On the JavaScript thread only. What is wrong throws BAD_ARGUMENT.
#pragma once
#include <napi.h>

#include <vector>

#include "engine/engine.h"

namespace grpo {

// read_model.cc
EngineOptions read_engine_options(const Napi::Value& value);
ModelConfig read_model_config(const Napi::Value& value);
std::optional<LoraConfig> read_lora_config(const Napi::Value& value);  // null or undefined: none
uint64_t read_seed(const Napi::Value& value);
int64_t read_memory_limit(const Napi::Value& value);  // bytes

// read_tensors.cc
TensorKind read_tensor_kind(const Napi::Value& value);
std::vector<TensorLocation> read_tensor_locations(const Napi::Value& value);
std::vector<NamedTensor> read_named_tensors(const Napi::Value& value);
std::vector<StoredTensor> read_stored_tensors(const Napi::Value& value);

// read_sampling.cc
SamplingOptions read_sampling_options(const Napi::Value& value);
SampleRequest read_sample_request(const Napi::Value& value);

// read_training.cc
Batch read_batch(const Napi::Value& value);
WhichModel read_which_model(const Napi::Value& value);
double read_temperature(const Napi::Value& value);  // above 0
AdamWOptions read_adamw_options(const Napi::Value& value);
int64_t read_optimizer_steps(const Napi::Value& value);
double read_alpha(const Napi::Value& value);
double read_seconds(const Napi::Value& value);

}  // namespace grpo
