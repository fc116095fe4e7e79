#include "model/model.h"

#include "error.h"

namespace grpo {

Model::Model(const ModelConfig& config, at::Device device, at::ScalarType compute_type)
    : config(config), device_(device), compute_type_(compute_type) {
  const int64_t hidden = config.hidden_size, dim = config.head_dim;
  const int64_t query = config.num_attention_heads * dim, key = config.num_key_value_heads * dim;
  inv_freq_ = at::tensor(config.rope_inv_freq, at::kDouble).to(device, at::kFloat);
  embed_tokens.weight = add("model.embed_tokens.weight", {config.vocab_size, hidden});
  layers.resize(config.num_hidden_layers);
  for (size_t i = 0; i < layers.size(); ++i) {
    const std::string prefix = "model.layers." + std::to_string(i) + ".";
    const std::string attn = prefix + "self_attn.", mlp = prefix + "mlp.";
    DecoderLayer& layer = layers[i];
    layer.self_attn.q_proj = add_linear(attn + "q_proj", query, hidden, config.qkv_bias);
    layer.self_attn.k_proj = add_linear(attn + "k_proj", key, hidden, config.qkv_bias);
    layer.self_attn.v_proj = add_linear(attn + "v_proj", key, hidden, config.qkv_bias);
    layer.self_attn.o_proj = add_linear(attn + "o_proj", hidden, query, config.o_bias);
    if (config.qk_norm) {
      layer.self_attn.q_norm = add_norm(attn + "q_norm", dim);
      layer.self_attn.k_norm = add_norm(attn + "k_norm", dim);
    }
    layer.mlp.gate_proj = add_linear(mlp + "gate_proj", config.intermediate_size, hidden, config.mlp_bias);
    layer.mlp.up_proj = add_linear(mlp + "up_proj", config.intermediate_size, hidden, config.mlp_bias);
    layer.mlp.down_proj = add_linear(mlp + "down_proj", hidden, config.intermediate_size, config.mlp_bias);
    layer.input_layernorm = add_norm(prefix + "input_layernorm", hidden);
    layer.post_attention_layernorm = add_norm(prefix + "post_attention_layernorm", hidden);
  }
  norm = add_norm("model.norm", hidden);
  lm_head.weight =
      config.tie_word_embeddings ? embed_tokens.weight : add("lm_head.weight", {config.vocab_size, hidden});
}

at::Tensor Model::forward(const Layout& layout, KvStore* store, const std::function<void()>& on_layer) const {
  const int64_t nodes = layout.tokens.size(0), dim = config.head_dim;
  const auto table = rotary_table(layout.positions, inv_freq_, compute_type_);
  at::Tensor h = embed_tokens(layout.tokens);  // [nodes, hidden]
  for (size_t i = 0; i < layers.size(); ++i) {
    on_layer();
    const auto& [input_layernorm, post_attention_layernorm, self_attn, mlp] = layers[i];

    const at::Tensor x = input_layernorm(h);
    at::Tensor q = self_attn.q_proj(x).view({nodes, -1, dim});  // [nodes, heads, head_dim]
    at::Tensor k = self_attn.k_proj(x).view({nodes, -1, dim});  // [nodes, key heads, head_dim]
    at::Tensor v = self_attn.v_proj(x).view({nodes, -1, dim});
    if (config.qk_norm) {
      q = self_attn.q_norm(q);
      k = self_attn.k_norm(k);
    }
    q = rotate(q, table);
    k = rotate(k, table);
    if (store) {
      store->keys[i].narrow(0, store->size, nodes).copy_(k);
      store->values[i].narrow(0, store->size, nodes).copy_(v);
      k = store->keys[i];
      v = store->values[i];
    }
    h = h + self_attn.o_proj(attend(q, k, v, layout));

    const at::Tensor y = post_attention_layernorm(h);
    h = h + mlp.down_proj(at::silu(mlp.gate_proj(y)) * mlp.up_proj(y));
  }
  if (store) store->size += nodes;
  return norm(h);
}

at::Tensor Model::logits(const at::Tensor& hidden) const {
  return at::linear(hidden, lm_head.weight->value).to(at::kFloat);
}

LayoutOptions Model::layout_options() const { return {config.heads_per_key_head(), compute_type_, device_}; }

Parameter& Model::parameter(const std::string& name) {
  for (auto& parameter : parameters_) {
    if (parameter.name == name) return parameter;
  }
  throw Error("TENSOR_UNKNOWN", "the model has no tensor " + name, "Use a name that parameters() lists.");
}

void Model::refresh_values() {
  if (compute_type_ == at::kFloat) return;
  for (auto& parameter : parameters_) parameter.value.copy_(parameter.master);
}

std::unique_ptr<Model> Model::frozen_copy() const {
  auto copy = std::make_unique<Model>(config, device_, compute_type_);
  for (size_t i = 0; i < parameters_.size(); ++i) {
    // A frozen model needs no master: the values that are computed with are all of it.
    copy->parameters_[i].value.copy_(parameters_[i].value);
    copy->parameters_[i].master = copy->parameters_[i].value;
  }
  return copy;
}

Parameter* Model::add(const std::string& name, std::vector<int64_t> shape) {
  Parameter& parameter = parameters_.emplace_back();
  parameter.name = name;
  parameter.shape = shape;
  parameter.master = at::empty(shape, at::TensorOptions(device_).dtype(at::kFloat));
  parameter.value = compute_type_ == at::kFloat
                        ? parameter.master
                        : at::empty(shape, parameter.master.options().dtype(compute_type_));
  return &parameter;
}

Linear Model::add_linear(const std::string& name, int64_t out, int64_t in, bool bias) {
  return {add(name + ".weight", {out, in}), bias ? add(name + ".bias", {out}) : nullptr};
}

RmsNorm Model::add_norm(const std::string& name, int64_t size) {
  return {add(name + ".weight", {size}), config.rms_norm_eps};
}

}  // namespace grpo
