// Arguments that make an engine and its model, or limit its memory.
#include "napi/arguments.h"
#include "napi/errors.h"
#include "napi/values.h"

namespace grpo {

EngineOptions read_engine_options(const Napi::Value& value) {
  const Fields fields(value);
  EngineOptions options{fields.string("device"),
                        fields.string("dtype"),
                        fields.string("matrixBackend"),
                        static_cast<int>(fields.number_within("threads", 0, 4096)),
                        {},
                        {}};
  if (!fields["matrixShape"].IsUndefined()) {
    const Fields shape(fields["matrixShape"]);
    options.matmul_shape = {shape.size("in"), shape.size("out"), shape.size("layers")};
  }
  if (!fields["bfloat16"].IsUndefined()) {
    const Fields measured(fields["bfloat16"]);
    const auto rows = [&](const char* name) {
      return static_cast<int64_t>(measured.number_within(name, 0, 1e6));
    };
    options.bfloat16 = {measured.number_within("speed", 0, 1e6), {rows("fewRows"), rows("fewRowsOfGrad")}};
  }
  if (options.dtype != "float32" && options.dtype != "bfloat16" && options.dtype != "auto")
    bad_argument("dtype must be float32, bfloat16 or auto");
  const std::string& backend = options.matmul_backend;
  if (backend != "auto" && backend != "mkl" && backend != "onednn")
    bad_argument("matrixBackend must be auto, mkl or onednn");
  return options;
}

ModelConfig read_model_config(const Napi::Value& value) {
  const Fields fields(value);
  ModelConfig config{};
  config.vocab_size = fields.size("vocabSize");
  config.hidden_size = fields.size("hiddenSize");
  config.intermediate_size = fields.size("intermediateSize");
  config.num_hidden_layers = fields.size("numHiddenLayers");
  config.num_attention_heads = fields.size("numAttentionHeads");
  config.num_key_value_heads = fields.size("numKeyValueHeads");
  config.head_dim = fields.size("headDim");
  config.rms_norm_eps = fields.number("rmsNormEps");
  config.qkv_bias = fields.boolean("qkvBias");
  config.o_bias = fields.boolean("oBias");
  config.mlp_bias = fields.boolean("mlpBias");
  config.qk_norm = fields.boolean("qkNorm");
  config.tie_word_embeddings = fields.boolean("tieWordEmbeddings");
  config.rope_inv_freq = to_doubles(fields["ropeInvFreq"], "ropeInvFreq");
  return config;
}

std::optional<LoraConfig> read_lora_config(const Napi::Value& value) {
  if (value.IsNull() || value.IsUndefined()) return std::nullopt;
  const Fields fields(value);
  const auto names = to_vector(fields["targetModules"], to_string);
  return LoraConfig{
      fields.size("r"), fields.number("scale"), {names.begin(), names.end()}, read_seed(fields["seed"])};
}

uint64_t read_seed(const Napi::Value& value) { return static_cast<uint64_t>(to_integer(value, "seed")); }

int64_t read_memory_limit(const Napi::Value& value) { return to_integer(value, "bytes"); }

}  // namespace grpo
