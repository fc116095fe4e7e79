#include "model/layers.h"

#include <algorithm>

#include "kernels/few_rows.h"
#include "kernels/product.h"

namespace grpo {
namespace {

// Rows of a bfloat16 weight that are converted to float32 at a time.
constexpr int64_t kWidenedAtOnce = 16384;

// x: [..., hidden] -> normalised x, without the weight, in float32; and 1 / rms [..., 1]
std::pair<at::Tensor, at::Tensor> normalise(const at::Tensor& x, double eps) {
  const at::Tensor wide = x.to(at::kFloat);
  const at::Tensor scale = (wide.square().mean(-1, true) + eps).rsqrt();
  return {wide * scale, scale};
}

// y = x W^T + add, where `add` is [rows, out] or [out], or undefined
void multiply(const at::Tensor& x, const Parameter& weight, const at::Tensor& add, at::Tensor y) {
  if (suits_few_rows(x, weight.value)) {
    few_rows(x, weight.value, add, y);
  } else if (add.defined()) {
    at::addmm_out(y, add, x, weight.value_as(x).t());
  } else {
    at::mm_out(y, x, weight.value_as(x).t());
  }
}

// g W, added to `dx` if that is given. A weight of a narrower type is widened in blocks.
at::Tensor multiply_back(const at::Tensor& g, const at::Tensor& weight, at::Tensor dx) {
  if (weight.scalar_type() == g.scalar_type()) return dx.defined() ? dx.addmm_(g, weight) : g.mm(weight);
  for (int64_t first = 0; first < weight.size(0); first += kWidenedAtOnce) {
    const int64_t count = std::min(kWidenedAtOnce, weight.size(0) - first);
    const at::Tensor part = g.narrow(1, first, count),
                     wide = weight.narrow(0, first, count).to(g.scalar_type());
    dx = dx.defined() ? dx.addmm_(part, wide) : part.mm(wide);
  }
  return dx;
}

}  // namespace

void Embedding::forward(const at::Tensor& tokens, at::Tensor out) const {
  out.copy_(weight->value.index_select(0, tokens));
}

void Embedding::backward(const at::Tensor& g, const at::Tensor& tokens) const {
  if (weight->trainable) weight->add_row_grad(tokens, g);
}

at::Tensor Lora::inner(const at::Tensor& x) const {
  at::Tensor u = at::empty({x.size(0), a->shape[0]}, x.options());
  multiply(x, *a, {}, u);
  return u.mul_(scale);
}

void Lora::forward(const at::Tensor& x, at::Tensor y) const { multiply(inner(x), *b, y, y); }

void Lora::backward(const at::Tensor& g, const at::Tensor& x, at::Tensor dx) const {
  b->add_product_grad(g, inner(x));
  const at::Tensor d_inner = g.mm(b->value).mul_(scale);  // [nodes, r]
  a->add_product_grad(d_inner, x);
  dx.addmm_(d_inner, a->value);
}

at::Tensor Lora::product() const { return b->master.mm(a->master).mul_(scale); }

void Linear::forward(const at::Tensor& x, at::Tensor y) const {
  multiply(x, *weight, bias ? bias->value : at::Tensor(), y);
  if (lora) lora.forward(x, y);
}

void Linear::forward(const at::Tensor& x, const at::Tensor& residual, at::Tensor y) const {
  multiply(x, *weight, residual, y);
  if (bias) y.add_(bias->value);
  if (lora) lora.forward(x, y);
}

at::Tensor Linear::logits(const at::Tensor& x) const {
  const auto empty = [&] { return at::empty({x.size(0), weight->shape[0]}, x.options().dtype(at::kFloat)); };
  if (suits_few_rows(x, weight->value)) {
    at::Tensor y = empty();
    few_rows(x, weight->value, {}, y);
    return y;
  }
  const at::Tensor wide = operand(x);
  if (weight->value.scalar_type() == wide.scalar_type())
    return product(wide, weight->value.t()).to(at::kFloat);
  // The weight is widened in blocks: it is the model's largest, and a whole copy would take as much again.
  at::Tensor y = empty();
  for (int64_t first = 0; first < y.size(1); first += kWidenedAtOnce) {
    const int64_t count = std::min(kWidenedAtOnce, y.size(1) - first);
    at::Tensor part = y.narrow(1, first, count);
    at::mm_out(part, wide, weight->value.narrow(0, first, count).to(wide.scalar_type()).t());
  }
  return y;
}

at::Tensor Linear::backward(const at::Tensor& g, const at::Tensor& x, at::Tensor dx) const {
  if (weight->trainable) weight->add_product_grad(g, x);
  if (bias && bias->trainable) bias->add_grad(g.sum(0, false, at::kFloat));
  dx = multiply_back(g, weight->value, dx);
  if (lora) lora.backward(g, x, dx);
  return dx;
}

at::Tensor RmsNorm::forward(const at::Tensor& x) const {
  return normalise(x, eps).first.to(x.scalar_type()).mul_(weight->value);
}

at::Tensor RmsNorm::backward(const at::Tensor& grad, const at::Tensor& x) const {
  const auto [normal, scale] = normalise(x, eps);
  const at::Tensor g = grad.to(at::kFloat);
  if (weight->trainable) weight->add_grad((g * normal).reshape({-1, x.size(-1)}).sum(0));
  const at::Tensor inner = g * weight->master;  // dL/d(normal)
  return (inner - normal * (inner * normal).mean(-1, true)).mul_(scale).to(x.scalar_type());
}

}  // namespace grpo
