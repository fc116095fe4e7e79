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

}  // namespace

void Embedding::forward(const at::Tensor& tokens, at::Tensor out) const {
  out.copy_(weight->value.index_select(0, tokens));
}

void Embedding::backward(const at::Tensor& g, const at::Tensor& tokens) const {
  weight->add_row_grad(tokens, g);
}

void Linear::forward(const at::Tensor& x, at::Tensor y) const {
  if (suits_few_rows(x, weight->value)) {
    few_rows(x, weight->value, bias ? bias->value : at::Tensor(), y);
  } else if (bias) {
    at::addmm_out(y, bias->value, x, weight->value_as(x).t());
  } else {
    at::mm_out(y, x, weight->value_as(x).t());
  }
}

void Linear::forward(const at::Tensor& x, const at::Tensor& residual, at::Tensor y) const {
  if (suits_few_rows(x, weight->value)) {
    few_rows(x, weight->value, residual, y);
  } else {
    at::addmm_out(y, residual, x, weight->value_as(x).t());
  }
  if (bias) y.add_(bias->value);
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
  weight->add_product_grad(g, x);
  if (bias) bias->add_grad(g.sum(0, false, at::kFloat));
  return dx.defined() ? dx.addmm_(g, weight->value) : g.mm(weight->value);
}

at::Tensor RmsNorm::forward(const at::Tensor& x) const {
  return normalise(x, eps).first.to(x.scalar_type()).mul_(weight->value);
}

at::Tensor RmsNorm::backward(const at::Tensor& grad, const at::Tensor& x) const {
  const auto [normal, scale] = normalise(x, eps);
  const at::Tensor g = grad.to(at::kFloat);
  weight->add_grad((g * normal).reshape({-1, x.size(-1)}).sum(0));
  const at::Tensor inner = g * weight->master;  // dL/d(normal)
  return (inner - normal * (inner * normal).mean(-1, true)).mul_(scale).to(x.scalar_type());
}

}  // namespace grpo
