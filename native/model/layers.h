// The layers that have weights, forward and backward. A backward returns the derivative with respect to the
// layer's input, and adds to the gradients of those of its weights that learn, in place (see Parameter).
#pragma once
#include "model/parameter.h"

namespace grpo {

// Looks up rows of the weight. tokens: [nodes]
struct Embedding {
  Parameter* weight = nullptr;  // [vocab, hidden]
  // out: [nodes, hidden]
  void forward(const at::Tensor& tokens, at::Tensor out) const;
  // g = dL/dout
  void backward(const at::Tensor& g, const at::Tensor& tokens) const;
};

// What an adapter adds to a layer: scale B A x (Hu et al. 2021, arXiv:2106.09685, section 4.1).
struct Lora {
  Parameter *a = nullptr, *b = nullptr;  // [r, in], [out, r]; or none
  double scale = 0;
  explicit operator bool() const { return a != nullptr; }
  // y += scale x A^T B^T
  void forward(const at::Tensor& x, at::Tensor y) const;
  // g = dL/dy; dL/dx is added to `dx`
  void backward(const at::Tensor& g, const at::Tensor& x, at::Tensor dx) const;
  // scale B A: [out, in], float32
  at::Tensor product() const;

 private:
  at::Tensor inner(const at::Tensor& x) const;  // scale x A^T: [nodes, r]
};

// y = x W^T + b. x: [nodes, in], y: [nodes, out]
struct Linear {
  Parameter* weight = nullptr;  // [out, in]
  Parameter* bias = nullptr;    // [out], or none
  Lora lora = {};
  void forward(const at::Tensor& x, at::Tensor y) const;
  // y = residual + x W^T + b
  void forward(const at::Tensor& x, const at::Tensor& residual, at::Tensor y) const;
  // x W^T without the bias, in float32 whatever x is: [nodes, out]
  at::Tensor logits(const at::Tensor& x) const;
  // g = dL/dy -> dL/dx, added to `dx` if that is given
  at::Tensor backward(const at::Tensor& g, const at::Tensor& x, at::Tensor dx = {}) const;
};

// y = w x / sqrt(mean(x^2) + eps), in float32 (Zhang and Sennrich 2019). x: [..., hidden]
struct RmsNorm {
  Parameter* weight = nullptr;  // [hidden]
  double eps = 0;
  at::Tensor forward(const at::Tensor& x) const;
  // g = dL/dy -> dL/dx
  at::Tensor backward(const at::Tensor& g, const at::Tensor& x) const;
};

}  // namespace grpo
