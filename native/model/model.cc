#include "model/model.h"

#include "error.h"

namespace grpo {
namespace {
constexpr auto kAdapterPrefix = "base_model.model.";  // PEFT's
}

Model::Model(const ModelConfig& config, at::Device device, at::ScalarType compute_type,
             std::optional<LoraConfig> lora)
    : Model(config, device, compute_type, std::move(lora), true) {}

Model::Model(const ModelConfig& config, at::Device device, at::ScalarType compute_type,
             std::optional<LoraConfig> lora, bool allocate)
    : config(config),
      lora(std::move(lora)),
      device_(device),
      compute_type_(compute_type),
      allocate_(allocate) {
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

void Model::forward(const Layout& layout, const Trace& trace, const std::function<void()>& on_layer) const {
  const Rotation rotation(layout.positions, inv_freq_, compute_type_);
  Trace::Layer now = trace.fresh(0);
  embed_tokens.forward(layout.tokens, now.input);
  for (size_t i = 0; i < layers.size(); ++i) {
    on_layer();
    const auto& [input_layernorm, post_attention_layernorm, self_attn, mlp] = layers[i];

    const at::Tensor x = input_layernorm.forward(now.input);  // [nodes, hidden]
    self_attn.project(x, now, rotation);
    now.attended.copy_(attend(now.queries, trace.layer(i).keys, trace.layer(i).values, layout));
    self_attn.o_proj.forward(now.attended, now.input, now.middle);

    const at::Tensor y = post_attention_layernorm.forward(now.middle);
    mlp.gate_proj.forward(y, now.gate);
    mlp.up_proj.forward(y, now.up);
    const bool last = i + 1 == layers.size();
    Trace::Layer next = last ? Trace::Layer{} : trace.fresh(i + 1);
    mlp.down_proj.forward(at::silu(now.gate).mul_(now.up), now.middle,
                          last ? trace.fresh_output() : next.input);
    now = std::move(next);
  }
}

void Model::Attention::project(const at::Tensor& x, Trace::Layer& now, const Rotation& rotation) const {
  const bool normed = now.raw_queries.defined();
  const at::Tensor &q = normed ? now.raw_queries : now.queries, &k = normed ? now.raw_keys : now.keys;
  q_proj.forward(x, q.flatten(1));
  k_proj.forward(x, k.flatten(1));
  v_proj.forward(x, now.values.flatten(1));
  now.queries.copy_(rotation.forward(normed ? q_norm.forward(q) : q));
  now.keys.copy_(rotation.forward(normed ? k_norm.forward(k) : k));
}

// The lines of `forward` from the last to the first. `g` is the derivative of the residual stream.
void Model::backward(const Layout& layout, const Trace& trace, const at::Tensor& rows,
                     const at::Tensor& predictors, const at::Tensor& d_hidden,
                     const std::function<void()>& on_layer) const {
  const auto of_nodes = [&](const at::Tensor& x) { return x.index_select(0, rows); };
  const Rotation rotation(layout.positions, inv_freq_, compute_type_);
  at::Tensor g = at::zeros({rows.size(0), config.hidden_size}, options());  // [nodes, hidden]
  g.index_copy_(0, predictors,
                norm.backward(d_hidden, trace.output().index_select(0, rows.index_select(0, predictors))));
  for (size_t i = layers.size(); i-- > 0;) {
    on_layer();
    const auto& [input_layernorm, post_attention_layernorm, self_attn, mlp] = layers[i];
    const Trace::Layer& then = trace.layer(i);
    {
      const at::Tensor middle = of_nodes(then.middle), gate = of_nodes(then.gate), up = of_nodes(then.up);
      const at::Tensor open = at::silu(gate);  // [nodes, intermediate]
      const at::Tensor d = mlp.down_proj.backward(g, open * up);
      const at::Tensor d_up = d * open, d_gate = at::silu_backward(d * up, gate);
      const at::Tensor y = post_attention_layernorm.forward(middle);
      at::Tensor d_y = mlp.gate_proj.backward(d_gate, y);
      d_y = mlp.up_proj.backward(d_up, y, d_y);
      g.add_(post_attention_layernorm.backward(d_y, middle));
    }
    const at::Tensor input = of_nodes(then.input);
    const at::Tensor d_attended = self_attn.o_proj.backward(g, of_nodes(then.attended));
    auto [d_queries, d_keys, d_values] = attend_backward(d_attended, of_nodes(then.queries),
                                                         of_nodes(then.keys), of_nodes(then.values), layout);
    d_queries = rotation.backward(d_queries);
    d_keys = rotation.backward(d_keys);
    if (config.qk_norm) {
      d_queries = self_attn.q_norm.backward(d_queries, of_nodes(then.raw_queries));
      d_keys = self_attn.k_norm.backward(d_keys, of_nodes(then.raw_keys));
    }
    const at::Tensor x = input_layernorm.forward(input);
    at::Tensor d_x = self_attn.q_proj.backward(d_queries.flatten(1), x);
    d_x = self_attn.k_proj.backward(d_keys.flatten(1), x, d_x);
    d_x = self_attn.v_proj.backward(d_values.flatten(1), x, d_x);
    g.add_(input_layernorm.backward(d_x, input));
  }
  embed_tokens.backward(g, layout.tokens);
}

at::Tensor Model::hidden(const Trace& trace, const at::Tensor& rows) const {
  return norm.forward(trace.output().index_select(0, rows));
}

at::Tensor Model::logits(const at::Tensor& hidden) const { return lm_head.logits(hidden); }

LayoutOptions Model::layout_options() const { return {config.heads_per_kv_head(), compute_type_, device_}; }

size_t Model::index_of(const std::string& name) const {
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (parameters_[i].name == name) return i;
  }
  throw Error("TENSOR_UNKNOWN", "the model has no tensor " + name, "Use a name that parameters() lists.");
}

void Model::refresh_values() {
  if (compute_type_ == at::kFloat) return;
  for (auto& parameter : parameters_) {
    if (parameter.trainable) parameter.value.copy_(parameter.master);
  }
}

std::unique_ptr<Model> Model::frozen_copy() const {
  auto copy = std::unique_ptr<Model>(new Model(config, device_, compute_type_, std::nullopt, false));
  for (auto& parameter : copy->parameters_) {
    const at::Tensor& value = parameters_[index_of(parameter.name)].value;
    lora ? parameter.share(value) : parameter.freeze(value);
  }
  return copy;
}

at::Tensor Model::merged(const std::string& name) const {
  const at::Tensor weight = parameters_[index_of(name)].master.to(at::kFloat);
  for (const auto& layer : layers) {
    const auto& [q, k, v, o, q_norm, k_norm] = layer.self_attn;
    const auto& [gate, up, down] = layer.mlp;
    for (const Linear* linear : {&q, &k, &v, &o, &gate, &up, &down}) {
      if (linear->lora && linear->weight->name == name) return weight + linear->lora.product();
    }
  }
  return weight;
}

Parameter* Model::add(const std::string& name, std::vector<int64_t> shape, bool of_adapter) {
  Parameter& parameter = parameters_.emplace_back();
  parameter.name = name;
  parameter.shape = shape;
  parameter.trainable = allocate_ && lora.has_value() == of_adapter;
  if (!parameter.trainable) return &parameter;  // its weight is given to it (see Parameter::freeze)
  parameter.master = at::empty(shape, at::TensorOptions(device_).dtype(at::kFloat));
  parameter.value = compute_type_ == at::kFloat
                        ? parameter.master
                        : at::empty(shape, parameter.master.options().dtype(compute_type_));
  return &parameter;
}

Linear Model::add_linear(const std::string& name, int64_t out, int64_t in, bool bias) {
  Linear linear{add(name + ".weight", {out, in}), bias ? add(name + ".bias", {out}) : nullptr};
  if (lora && lora->target_modules.count(name.substr(name.rfind('.') + 1)) > 0) {
    const std::string adapter = kAdapterPrefix + name;
    linear.lora = {add(adapter + ".lora_A.weight", {lora->r, in}, true),
                   add(adapter + ".lora_B.weight", {out, lora->r}, true), lora->scale};
  }
  return linear;
}

RmsNorm Model::add_norm(const std::string& name, int64_t size) {
  return {add(name + ".weight", {size}), config.rms_norm_eps};
}

}  // namespace grpo
