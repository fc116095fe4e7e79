#include "napi/convert.h"

#include <cmath>

#include "error.h"

namespace grpo {
namespace {

constexpr const char* kSeeTypes = "See the types in src/engine/types.ts.";
// Whole numbers up to here are exact in JavaScript.
constexpr double kMostExact = 9007199254740991;

[[noreturn]] void bad_argument(const std::string& what) { throw Error("BAD_ARGUMENT", what, kSeeTypes); }

double number(const Napi::Object& object, const char* key) {
  const Napi::Value value = object.Get(key);
  return to_number(value, key);
}
// Within [least, most], both included.
double number_within(const Napi::Object& object, const char* key, double least, double most) {
  const double value = number(object, key);
  if (value < least || value > most) bad_argument(std::string(key) + " is out of range");
  return value;
}
int64_t integer(const Napi::Object& object, const char* key) { return to_integer(object.Get(key), key); }
int64_t size(const Napi::Object& object, const char* key) {
  return static_cast<int64_t>(number_within(object, key, 1, 1e12));
}
bool boolean(const Napi::Object& object, const char* key) { return object.Get(key).ToBoolean(); }
std::string text(const Napi::Object& object, const char* key) {
  const Napi::Value value = object.Get(key);
  if (!value.IsString()) bad_argument(std::string(key) + " must be a string");
  return value.As<Napi::String>();
}

std::vector<int64_t> integers(const Napi::Value& value) {
  const auto array = value.As<Napi::Array>();
  std::vector<int64_t> items;
  for (uint32_t i = 0; i < array.Length(); ++i) items.push_back(array.Get(i).As<Napi::Number>().Int64Value());
  return items;
}

std::vector<Tokens> sequences(const Napi::Value& value, const char* key) {
  const auto array = value.As<Napi::Array>();
  std::vector<Tokens> items;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    items.push_back(to_tokens(array.Get(i)));
    if (items.back().empty()) bad_argument(std::string(key) + "[" + std::to_string(i) + "] is empty");
  }
  return items;
}

}  // namespace

double to_number(const Napi::Value& value, const char* name) {
  if (!value.IsNumber() || !std::isfinite(value.As<Napi::Number>().DoubleValue())) {
    bad_argument(std::string(name) + " must be a finite number");
  }
  return value.As<Napi::Number>().DoubleValue();
}

int64_t to_integer(const Napi::Value& value, const char* name) {
  const double number = to_number(value, name);
  // What does not fit into the type would be converted to anything at all.
  if (std::abs(number) > kMostExact) bad_argument(std::string(name) + " is out of range");
  return static_cast<int64_t>(number);
}

double to_temperature(const Napi::Value& value) {
  const double temperature = to_number(value, "temperature");
  if (temperature <= 0) bad_argument("temperature must be above 0 to score at");
  return temperature;
}

bool to_is_reference(const Napi::Value& value) {
  const std::string which = value.ToString();
  if (which != "policy" && which != "reference")
    bad_argument("which must be policy or reference, not " + which);
  return which == "reference";
}

Tokens to_tokens(const Napi::Value& value) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_int32_array) {
    bad_argument("expected an Int32Array");
  }
  const auto array = value.As<Napi::Int32Array>();
  return {array.Data(), array.Data() + array.ElementLength()};
}

std::string to_bytes(const Napi::Value& value) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array)
    bad_argument("expected a Uint8Array");
  const auto bytes = value.As<Napi::Uint8Array>();
  return {reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength()};
}

std::vector<float> to_floats(const Napi::Value& value) {
  if (value.IsNull() || value.IsUndefined()) return {};
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_float32_array) {
    bad_argument("expected a Float32Array");
  }
  const auto array = value.As<Napi::Float32Array>();
  return {array.Data(), array.Data() + array.ElementLength()};
}

EngineOptions to_engine_options(const Napi::Object& object) {
  const EngineOptions options{text(object, "device"), text(object, "dtype"), text(object, "matrixBackend"),
                              static_cast<int>(number_within(object, "threads", 0, 4096))};
  if (options.dtype != "float32" && options.dtype != "bfloat16")
    bad_argument("dtype must be float32 or bfloat16");
  const std::string& backend = options.matmul_backend;
  if (backend != "auto" && backend != "mkl" && backend != "onednn") {
    bad_argument("matrixBackend must be auto, mkl or onednn");
  }
  return options;
}

ModelConfig to_model_config(const Napi::Object& object) {
  ModelConfig config{};
  config.vocab_size = size(object, "vocabSize");
  config.hidden_size = size(object, "hiddenSize");
  config.intermediate_size = size(object, "intermediateSize");
  config.num_hidden_layers = size(object, "numHiddenLayers");
  config.num_attention_heads = size(object, "numAttentionHeads");
  config.num_key_value_heads = size(object, "numKeyValueHeads");
  config.head_dim = size(object, "headDim");
  config.rms_norm_eps = number(object, "rmsNormEps");
  config.qkv_bias = boolean(object, "qkvBias");
  config.o_bias = boolean(object, "oBias");
  config.mlp_bias = boolean(object, "mlpBias");
  config.qk_norm = boolean(object, "qkNorm");
  config.tie_word_embeddings = boolean(object, "tieWordEmbeddings");
  const Napi::Value inv_freq = object.Get("ropeInvFreq");
  if (!inv_freq.IsTypedArray() || inv_freq.As<Napi::TypedArray>().TypedArrayType() != napi_float64_array) {
    bad_argument("ropeInvFreq must be a Float64Array");
  }
  const auto frequencies = inv_freq.As<Napi::Float64Array>();
  config.rope_inv_freq.assign(frequencies.Data(), frequencies.Data() + frequencies.ElementLength());
  return config;
}

TensorLocation to_tensor_location(const Napi::Object& object) {
  const std::string dtype = text(object, "dtype");
  if (dtype != "F32" && dtype != "F16" && dtype != "BF16") bad_argument("dtype must be F32, F16 or BF16");
  const double begin = number_within(object, "begin", 0, kMostExact);
  const double end = number_within(object, "end", 0, kMostExact);
  if (end < begin) bad_argument("begin and end must be a range of bytes");
  return {text(object, "name"),
          text(object, "file"),
          dtype == "F32"   ? at::kFloat
          : dtype == "F16" ? at::kHalf
                           : at::kBFloat16,
          integers(object.Get("shape")),
          static_cast<uint64_t>(begin),
          static_cast<uint64_t>(end)};
}

TensorKind to_tensor_kind(const Napi::Value& value) {
  const std::string kind = value.ToString();
  if (kind == "weight") return TensorKind::kWeight;
  if (kind == "grad") return TensorKind::kGrad;
  if (kind == "exp_avg") return TensorKind::kExpAvg;
  if (kind == "exp_avg_sq") return TensorKind::kExpAvgSq;
  if (kind == "reference") return TensorKind::kReference;
  bad_argument("kind must be weight, grad, exp_avg, exp_avg_sq or reference, not " + kind);
}

SamplingOptions to_sampling_options(const Napi::Object& object) {
  const SamplingOptions options{number_within(object, "temperature", 0, 1e6),
                                static_cast<int64_t>(number_within(object, "topK", 0, 1e12)),
                                number_within(object, "topP", 0, 1), number_within(object, "minP", 0, 1),
                                number_within(object, "repetitionPenalty", 0, 1e6)};
  if (options.repetition_penalty == 0) bad_argument("repetitionPenalty must be above 0");
  return options;
}

SampleRequest to_sample_request(const Napi::Object& object) {
  SampleRequest request{};
  request.prompts = sequences(object.Get("prompts"), "prompts");
  request.num_generations = integer(object, "numGenerations");
  request.first_generation = integer(object, "firstGeneration");
  request.max_completion_length = integer(object, "maxCompletionLength");
  request.eos_token_ids = integers(object.Get("eosTokenIds"));
  request.seed = static_cast<uint64_t>(integer(object, "seed"));
  request.step = static_cast<uint32_t>(integer(object, "step"));
  for (const int64_t index : integers(object.Get("promptIndices")))
    request.prompt_indices.push_back(static_cast<uint32_t>(index));
  request.options = to_sampling_options(object);
  request.keep_activations = object.Get("keepActivations").ToBoolean();
  if (request.prompt_indices.size() != request.prompts.size())
    bad_argument("promptIndices must have one index a prompt");
  if (request.num_generations < 1 || request.max_completion_length < 1 || request.first_generation < 0) {
    bad_argument("numGenerations and maxCompletionLength must be at least 1, firstGeneration at least 0");
  }
  return request;
}

Batch to_batch(const Napi::Object& object) {
  Batch batch{sequences(object.Get("prompts"), "prompts"),
              sequences(object.Get("completions"), "completions"), to_tokens(object.Get("promptOf"))};
  if (batch.completions.empty() || batch.prompt_of.size() != batch.completions.size()) {
    bad_argument("promptOf must have one index a completion, and there must be a completion");
  }
  for (const int64_t prompt : batch.prompt_of) {
    if (prompt < 0 || prompt >= static_cast<int64_t>(batch.prompts.size()))
      bad_argument("promptOf names no prompt");
  }
  return batch;
}

AdamWOptions to_adamw_options(const Napi::Object& object) {
  AdamWOptions options{number(object, "learningRate"), number(object, "beta1"),       number(object, "beta2"),
                       number(object, "eps"),          number(object, "weightDecay"), {},
                       number(object, "maxGradNorm")};
  const auto names = object.Get("noWeightDecay").As<Napi::Array>();
  for (uint32_t i = 0; i < names.Length(); ++i) options.no_weight_decay.insert(names.Get(i).ToString());
  return options;
}

Napi::Value to_value(Napi::Env env, const EngineInfo& info) {
  auto gflops = Napi::Object::New(env);
  for (const auto& [name, value] : info.matmul.gflops) gflops.Set(name, value);
  auto object = Napi::Object::New(env);
  object.Set("torchVersion", info.torch_version);
  object.Set("device", info.device);
  object.Set("dtype", info.dtype);
  object.Set("threads", info.threads);
  object.Set("matrixBackend", info.matmul.name);
  object.Set("matrixGflops", gflops);
  if (info.bfloat16_speed) object.Set("bfloat16Speed", *info.bfloat16_speed);
  object.Set("cpuCapability", info.cpu_capability);
  return object;
}

Napi::Value to_value(Napi::Env env, const SampledPosition& position) {
  auto object = Napi::Object::New(env);
  object.Set("completions", to_typed_array<Napi::Int32Array>(env, position.completions));
  object.Set("tokens", to_typed_array<Napi::Int32Array>(env, position.tokens));
  object.Set("ended", to_typed_array<Napi::Uint8Array>(env, position.ended));
  object.Set("logps", to_typed_array<Napi::Float32Array>(env, position.logps));
  object.Set("computed", static_cast<double>(position.computed));
  return object;
}

Napi::Value to_value(Napi::Env env, const TokenScores& scores) {
  auto object = Napi::Object::New(env);
  object.Set("logps", to_typed_array<Napi::Float32Array>(env, scores.logps));
  object.Set("entropies", to_typed_array<Napi::Float32Array>(env, scores.entropies));
  object.Set("nodes", static_cast<double>(scores.nodes));
  object.Set("computed", static_cast<double>(scores.computed));
  object.Set("predicted", static_cast<double>(scores.predicted));
  return object;
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
  auto float32 = Napi::Object::New(env);
  for (const auto& [name, rate] : limits.float32) float32.Set(name, rate);
  auto object = Napi::Object::New(env);
  object.Set("threads", limits.threads);
  object.Set("float32", float32);
  object.Set("bfloat16", limits.bfloat16);
  object.Set("read", limits.read);
  object.Set("copy", limits.copy);
  object.Set("update", limits.update);
  return object;
}

Napi::Error to_error(Napi::Env env, const std::exception_ptr& thrown) {
  std::string code = "NATIVE_FAILURE", message,
              fix = "This is a defect: report it with the command that led to it.";
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& error) {
    code = error.code;
    message = error.what();
    fix = error.fix;
  } catch (const Napi::Error& error) {  // a value of another type than the conversion asked for
    code = "BAD_ARGUMENT";
    message = error.Message();
    fix = kSeeTypes;
  } catch (const std::bad_alloc&) {
    code = "OUT_OF_MEMORY";
    message = "memory ran out";
    fix = "Use a smaller model, batch_size or max_completion_length, or beta 0 (no reference is held).";
  } catch (const c10::Error& error) {
    message = error.what_without_backtrace();
    if (message.find("allocate memory") != std::string::npos ||
        message.find("out of memory") != std::string::npos) {
      code = "OUT_OF_MEMORY";
      fix = "Use a smaller model, batch_size or max_completion_length, or beta 0 (no reference is held).";
    }
  } catch (const std::exception& error) {
    message = error.what();
  }
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", Napi::String::New(env, code));
  error.Set("fix", Napi::String::New(env, fix));
  return error;
}

}  // namespace grpo
