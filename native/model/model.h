// Qwen2, Qwen3 and Llama: one decoder whose fields have the checkpoint's names.
//
// Left out on purpose: dropout, sliding windows, mixtures of experts, position ids other than 0, 1, 2, ...
#pragma once
#include <atomic>
#include <deque>
#include <functional>
#include <optional>

#include "model/attention.h"
#include "model/config.h"
#include "model/layers.h"
#include "model/trace.h"

namespace grpo {

class Model {
 public:
  // With `lora` the model's own weights are frozen, and adapters learn.
  Model(const ModelConfig& config, at::Device device, at::ScalarType compute_type,
        std::optional<LoraConfig> lora = std::nullopt);
  Model(const Model&) = delete;

  // Forwards the layout's nodes into the rows that the trace was just extended by. `on_layer` is called
  // before every layer and may throw, to abort.
  void forward(const Layout& layout, const Trace& trace, const std::function<void()>& on_layer) const;
  // Adds to the gradients of all parameters. Node i of the layout is row rows[i] of the trace. `d_hidden`
  // [predictors, hidden]: dL/d(final hidden states) of the nodes `predictors` of the layout.
  void backward(const Layout& layout, const Trace& trace, const at::Tensor& rows,
                const at::Tensor& predictors, const at::Tensor& d_hidden,
                const std::function<void()>& on_layer) const;
  // Final hidden states of rows of the trace. rows: [n] -> [n, hidden]
  at::Tensor hidden(const Trace& trace, const at::Tensor& rows) const;
  // hidden: [n, hidden] -> [n, vocab], float32. Training computes its own in train/log_probs.
  at::Tensor logits(const at::Tensor& hidden) const;

  LayoutOptions layout_options() const;
  // Device and type of activations and of the KV cache.
  at::TensorOptions options() const { return at::TensorOptions(device_).dtype(compute_type_); }
  const Linear& output() const { return lm_head; }
  std::deque<Parameter>& parameters() { return parameters_; }
  const std::deque<Parameter>& parameters_view() const { return parameters_; }
  // Throws TENSOR_UNKNOWN.
  size_t index_of(const std::string& name) const;
  Parameter& parameter(const std::string& name) { return parameters_[index_of(name)]; }
  // Copies the float32 master weights to those that are computed with (a no-op in float32).
  void refresh_values();
  // A copy that can only be forwarded (see Parameter::freeze). Of a model with adapters it is the model
  // without them, and has its weights in common.
  std::unique_ptr<Model> frozen_copy() const;
  // A weight in float32 with what the adapter of its layer adds: W + scale B A.
  at::Tensor merged(const std::string& name) const;
  const ModelConfig config;
  const std::optional<LoraConfig> lora;

 private:
  struct Attention {
    Linear q_proj, k_proj, v_proj, o_proj;
    RmsNorm q_norm, k_norm;
    // Queries, keys and values of x [nodes, hidden], into `now`.
    void project(const at::Tensor& x, Trace::Layer& now, const Rotation& rotation) const;
  };
  struct Mlp {
    Linear gate_proj, up_proj, down_proj;
  };
  struct DecoderLayer {
    RmsNorm input_layernorm, post_attention_layernorm;
    Attention self_attn;
    Mlp mlp;
  };

  // Without weights, for `frozen_copy`.
  Model(const ModelConfig& config, at::Device device, at::ScalarType compute_type,
        std::optional<LoraConfig> lora, bool allocate);
  Parameter* add(const std::string& name, std::vector<int64_t> shape, bool of_adapter = false);
  Linear add_linear(const std::string& name, int64_t out, int64_t in, bool bias);
  RmsNorm add_norm(const std::string& name, int64_t size);

  const at::Device device_;
  const at::ScalarType compute_type_;
  const bool allocate_;
  std::deque<Parameter> parameters_;  // in a deque addresses stay the same: the layers point here
  at::Tensor inv_freq_;               // [head_dim / 2]
  Embedding embed_tokens;
  std::vector<DecoderLayer> layers;
  RmsNorm norm;
  Linear lm_head;
};

}  // namespace grpo
