// Qwen2, Qwen3 and Llama: one decoder whose fields have the checkpoint's names.
//
// Left out on purpose: dropout, sliding windows, mixtures of experts, positions given by hand.
#pragma once
#include <atomic>
#include <deque>
#include <functional>

#include "model/attention.h"
#include "model/config.h"
#include "model/layers.h"
#include "model/trace.h"

namespace grpo {

class Model {
 public:
  Model(const ModelConfig& config, at::Device device, at::ScalarType compute_type);
  Model(const Model&) = delete;

  // Computes the layout's nodes, whose rows the trace was just extended by.
  // `on_layer` is called before every layer and may throw.
  void forward(const Layout& layout, const Trace& trace, const std::function<void()>& on_layer) const;
  // Adds to the gradients. Node i of the layout is row rows[i] of the trace; `d_hidden` [predictors,
  // hidden] is the derivative of the final hidden states of `predictors`, indices into the layout's nodes.
  void backward(const Layout& layout, const Trace& trace, const at::Tensor& rows,
                const at::Tensor& predictors, const at::Tensor& d_hidden,
                const std::function<void()>& on_layer) const;
  // Final hidden states of rows of the trace. rows: [n] -> [n, hidden]
  at::Tensor hidden(const Trace& trace, const at::Tensor& rows) const;
  // hidden: [n, hidden] -> [n, vocab], float32. See train/log_probs for training's.
  at::Tensor logits(const at::Tensor& hidden) const;

  LayoutOptions layout_options() const;
  // Device and type of hidden states, keys and values.
  at::TensorOptions options() const { return at::TensorOptions(device_).dtype(compute_type_); }
  const Linear& output() const { return lm_head; }
  std::deque<Parameter>& parameters() { return parameters_; }
  const std::deque<Parameter>& parameters_view() const { return parameters_; }
  Parameter& parameter(const std::string& name);
  // The values that are computed with follow the masters (a no-op in float32).
  void refresh_values();
  // For forwards alone (see Parameter::freeze).
  std::unique_ptr<Model> frozen_copy() const;
  const ModelConfig config;

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

  Parameter* add(const std::string& name, std::vector<int64_t> shape);
  Linear add_linear(const std::string& name, int64_t out, int64_t in, bool bias);
  RmsNorm add_norm(const std::string& name, int64_t size);

  const at::Device device_;
  const at::ScalarType compute_type_;
  std::deque<Parameter> parameters_;  // stable addresses
  at::Tensor inv_freq_;               // [head_dim / 2]
  Embedding embed_tokens;
  std::vector<DecoderLayer> layers;
  RmsNorm norm;
  Linear lm_head;
};

}  // namespace grpo
