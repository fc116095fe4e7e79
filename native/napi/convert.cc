#include "napi/convert.h"

#include "error.h"

namespace grpo {
namespace {

[[noreturn]] void bad_argument(const std::string& what) {
  throw Error("BAD_ARGUMENT", what, "See the types in src/native/types.ts.");
}

double number(const Napi::Object& object, const char* key) {
  const Napi::Value value = object.Get(key);
  if (!value.IsNumber()) bad_argument(std::string(key) + " must be a number");
  return value.As<Napi::Number>().DoubleValue();
}
int64_t integer(const Napi::Object& object, const char* key) { return static_cast<int64_t>(number(object, key)); }
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

Tokens to_tokens(const Napi::Value& value) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_int32_array) {
    bad_argument("expected an Int32Array");
  }
  const auto array = value.As<Napi::Int32Array>();
  return {array.Data(), array.Data() + array.ElementLength()};
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
  return {text(object, "device"), text(object, "dtype"), text(object, "matrixBackend"),
          static_cast<int>(number(object, "threads"))};
}

ModelConfig to_model_config(const Napi::Object& object) {
  ModelConfig config{};
  config.vocab_size = integer(object, "vocabSize");
  config.hidden_size = integer(object, "hiddenSize");
  config.intermediate_size = integer(object, "intermediateSize");
  config.num_hidden_layers = integer(object, "numHiddenLayers");
  config.num_attention_heads = integer(object, "numAttentionHeads");
  config.num_key_value_heads = integer(object, "numKeyValueHeads");
  config.head_dim = integer(object, "headDim");
  config.rms_norm_eps = number(object, "rmsNormEps");
  config.qkv_bias = boolean(object, "qkvBias");
  config.o_bias = boolean(object, "oBias");
  config.mlp_bias = boolean(object, "mlpBias");
  config.qk_norm = boolean(object, "qkNorm");
  config.tie_word_embeddings = boolean(object, "tieWordEmbeddings");
  const auto frequencies = object.Get("ropeInvFreq").As<Napi::Float64Array>();
  config.rope_inv_freq.assign(frequencies.Data(), frequencies.Data() + frequencies.ElementLength());
  return config;
}

TensorLocation to_tensor_location(const Napi::Object& object) {
  const std::string dtype = text(object, "dtype");
  if (dtype != "F32" && dtype != "F16" && dtype != "BF16") bad_argument("dtype must be F32, F16 or BF16");
  const double begin = number(object, "begin"), end = number(object, "end");
  if (!(begin >= 0 && end >= begin)) bad_argument("begin and end must be a range of bytes");
  return {text(object, "name"), text(object, "file"),
          dtype == "F32" ? at::kFloat : dtype == "F16" ? at::kHalf : at::kBFloat16, integers(object.Get("shape")),
          static_cast<uint64_t>(begin), static_cast<uint64_t>(end)};
}

TensorKind to_tensor_kind(const Napi::Value& value) {
  const std::string kind = value.ToString();
  if (kind == "weight") return TensorKind::kWeight;
  if (kind == "grad") return TensorKind::kGrad;
  if (kind == "exp_avg") return TensorKind::kExpAvg;
  if (kind == "exp_avg_sq") return TensorKind::kExpAvgSq;
  bad_argument("kind must be weight, grad, exp_avg or exp_avg_sq, not " + kind);
}

SamplingOptions to_sampling_options(const Napi::Object& object) {
  return {number(object, "temperature"), integer(object, "topK"), number(object, "topP"), number(object, "minP"),
          number(object, "repetitionPenalty")};
}

SampleRequest to_sample_request(const Napi::Object& object) {
  SampleRequest request{};
  request.prompts = sequences(object.Get("prompts"), "prompts");
  request.num_generations = integer(object, "numGenerations");
  request.max_completion_length = integer(object, "maxCompletionLength");
  request.eos_token_ids = integers(object.Get("eosTokenIds"));
  request.seed = static_cast<uint64_t>(integer(object, "seed"));
  request.step = static_cast<uint32_t>(integer(object, "step"));
  for (const int64_t index : integers(object.Get("promptIndices"))) request.prompt_indices.push_back(static_cast<uint32_t>(index));
  request.options = to_sampling_options(object);
  if (request.prompt_indices.size() != request.prompts.size()) bad_argument("promptIndices must have one index a prompt");
  if (request.num_generations < 1 || request.max_completion_length < 1) {
    bad_argument("numGenerations and maxCompletionLength must be at least 1");
  }
  return request;
}

Batch to_batch(const Napi::Object& object) {
  Batch batch{sequences(object.Get("prompts"), "prompts"), sequences(object.Get("completions"), "completions"),
              to_tokens(object.Get("promptOf"))};
  if (batch.completions.empty() || batch.prompt_of.size() != batch.completions.size()) {
    bad_argument("promptOf must have one index a completion, and there must be a completion");
  }
  for (const int64_t prompt : batch.prompt_of) {
    if (prompt < 0 || prompt >= static_cast<int64_t>(batch.prompts.size())) bad_argument("promptOf names no prompt");
  }
  return batch;
}

AdamWOptions to_adamw_options(const Napi::Object& object) {
  AdamWOptions options{number(object, "learningRate"), number(object, "beta1"), number(object, "beta2"),
                       number(object, "eps"), number(object, "weightDecay"), {}, number(object, "maxGradNorm")};
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
  object.Set("computed", static_cast<double>(scores.computed));
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

Napi::Error to_error(Napi::Env env, const std::exception_ptr& thrown) {
  std::string code = "NATIVE_FAILURE", message, fix = "This is a defect: report it with the command that led to it.";
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& error) {
    code = error.code;
    message = error.what();
    fix = error.fix;
  } catch (const std::bad_alloc&) {
    code = "OUT_OF_MEMORY";
    message = "memory ran out";
    fix = "Use a smaller model, batch_size or max_completion_length, or beta 0 (no reference is held).";
  } catch (const c10::Error& error) {
    message = error.what_without_backtrace();
    if (message.find("allocate memory") != std::string::npos || message.find("out of memory") != std::string::npos) {
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
