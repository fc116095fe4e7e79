#include "model/layers.h"

namespace grpo {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

// A Parameter* travels through autograd as a number; the model outlives every graph.
int64_t as_number(Parameter* parameter) { return reinterpret_cast<int64_t>(parameter); }
Parameter* saved_parameter(AutogradContext* context, const char* name) {
  return reinterpret_cast<Parameter*>(context->saved_data[name].toInt());
}

struct EmbeddingFunction : torch::autograd::Function<EmbeddingFunction> {
  // `root` has no content: autograd records an operation only where an input wants a gradient.
  static Variable forward(AutogradContext* context, const Variable& /*root*/, const Variable& tokens,
                          Parameter* weight) {
    context->save_for_backward({tokens});
    context->saved_data["weight"] = as_number(weight);
    return weight->value.index_select(0, tokens);
  }
  static variable_list backward(AutogradContext* context, variable_list grad) {
    saved_parameter(context, "weight")->add_row_grad(context->get_saved_variables()[0], grad[0]);
    return {Variable(), Variable(), Variable()};
  }
};

struct LinearFunction : torch::autograd::Function<LinearFunction> {
  static Variable forward(AutogradContext* context, const Variable& x, Parameter* weight, Parameter* bias) {
    context->save_for_backward({x});
    context->saved_data["weight"] = as_number(weight);
    context->saved_data["bias"] = as_number(bias);
    return at::linear(x, weight->value, bias ? std::optional(bias->value) : std::nullopt);
  }
  static variable_list backward(AutogradContext* context, variable_list grad) {
    const at::Tensor x = context->get_saved_variables()[0];
    Parameter* weight = saved_parameter(context, "weight");
    weight->add_product_grad(grad[0], x);
    if (Parameter* bias = saved_parameter(context, "bias")) bias->add_grad(grad[0].sum(0, false, at::kFloat));
    return {grad[0].mm(weight->value), Variable(), Variable()};
  }
};

// x: [..., hidden] -> normalised x, without the weight, in float32; and 1 / rms [..., 1]
std::pair<at::Tensor, at::Tensor> normalise(const at::Tensor& x, double eps) {
  const at::Tensor wide = x.to(at::kFloat);
  const at::Tensor scale = (wide.square().mean(-1, true) + eps).rsqrt();
  return {wide * scale, scale};
}

struct RmsNormFunction : torch::autograd::Function<RmsNormFunction> {
  static Variable forward(AutogradContext* context, const Variable& x, Parameter* weight, double eps) {
    context->save_for_backward({x});
    context->saved_data["weight"] = as_number(weight);
    context->saved_data["eps"] = eps;
    return normalise(x, eps).first.to(x.scalar_type()) * weight->value;
  }
  static variable_list backward(AutogradContext* context, variable_list grad) {
    const at::Tensor x = context->get_saved_variables()[0];
    Parameter* weight = saved_parameter(context, "weight");
    const auto [normal, scale] = normalise(x, context->saved_data["eps"].toDouble());
    const at::Tensor g = grad[0].to(at::kFloat);
    weight->add_grad((g * normal).reshape({-1, x.size(-1)}).sum(0));
    const at::Tensor inner = g * weight->master;  // dL/d(normal)
    const at::Tensor dx = scale * (inner - normal * (inner * normal).mean(-1, true));
    return {dx.to(x.scalar_type()), Variable(), Variable()};
  }
};

}  // namespace

at::Tensor Embedding::operator()(const at::Tensor& tokens) const {
  if (!at::GradMode::is_enabled()) return weight->value.index_select(0, tokens);
  const at::Tensor root = at::empty({0}, weight->value.options()).requires_grad_();
  return EmbeddingFunction::apply(root, tokens, weight);
}

at::Tensor Linear::operator()(const at::Tensor& x) const {
  if (!at::GradMode::is_enabled())
    return at::linear(x, weight->value, bias ? std::optional(bias->value) : std::nullopt);
  return LinearFunction::apply(x, weight, bias);
}

at::Tensor RmsNorm::operator()(const at::Tensor& x) const {
  if (!at::GradMode::is_enabled()) return normalise(x, eps).first.to(x.scalar_type()) * weight->value;
  return RmsNormFunction::apply(x, weight, eps);
}

}  // namespace grpo
