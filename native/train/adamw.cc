#include "train/adamw.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>

#include <algorithm>
#include <cmath>

#include "kernels/adamw.h"

namespace grpo {
namespace {

// A float32 sum over the 136 million squares of one gradient would lose digits; over this many it doesn't.
constexpr int64_t kAtOnce = 65536;

double squared_norm(const at::Tensor& grad) {
  if (!grad.is_cpu()) return grad.square().sum(at::kDouble).item<double>();
  const at::Tensor all = grad.view({-1});
  const int64_t count = all.numel();
  std::vector<double> sums((count + kAtOnce - 1) / kAtOnce);
  at::parallel_for(0, static_cast<int64_t>(sums.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const at::Tensor part = all.narrow(0, i * kAtOnce, std::min(kAtOnce, count - i * kAtOnce));
      sums[i] = at::dot(part, part).item<float>();
    }
  });
  double sum = 0;
  for (const double part : sums) sum += part;
  return sum;
}

}  // namespace

void AdamW::allocate() {
  if (!exp_avg_.empty()) return;
  std::vector<at::Tensor> first, second;  // all or none, as memory may run out on the way
  for (const auto& parameter : parameters_) {
    first.push_back(at::zeros_like(parameter.master));
    second.push_back(at::zeros_like(parameter.master));
  }
  exp_avg_ = std::move(first);
  exp_avg_sq_ = std::move(second);
}

double AdamW::step(const AdamWOptions& options) {
  allocate();
  double squares = 0;
  for (auto& parameter : parameters_) {
    if (!parameter.has_grad) parameter.add_grad(at::zeros_like(parameter.master));
    squares += squared_norm(parameter.grad);
  }
  const double norm = std::sqrt(squares);
  if (!std::isfinite(norm)) {
    for (auto& parameter : parameters_) parameter.zero_grad();
    return norm;
  }
  // The factor of torch's clip_grad_norm_, applied as the update reads each gradient, without a pass of its
  // own.
  const double scale = options.max_grad_norm > 0 ? std::min(1.0, options.max_grad_norm / (norm + 1e-6)) : 1;

  ++steps_;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    Parameter& parameter = parameters_[i];
    const bool decays = options.no_weight_decay.count(parameter.name) == 0;
    update(i, scale, decays ? options.weight_decay : 0.0, options);
    parameter.zero_grad();
  }
  return norm;
}

void AdamW::update(size_t i, double scale, double weight_decay, const AdamWOptions& options) {
  Parameter& parameter = parameters_[i];
  const double steps = static_cast<double>(steps_), rate = options.learning_rate;
  if (suits_adamw(parameter.master)) {
    const auto number = [](double x) { return static_cast<float>(x); };
    adamw(parameter.master, exp_avg_[i], exp_avg_sq_[i], parameter.grad, parameter.value,
          {number(scale), number(options.beta1), number(options.beta2), number(1 - rate * weight_decay),
           number(rate / (1 - std::pow(options.beta1, steps))),
           number(std::sqrt(1 - std::pow(options.beta2, steps))), number(options.eps)});
    return;
  }
  const auto of_one = [&](double x) { return at::full({}, x, parameter.master.options()); };
  std::vector<at::Tensor> master{parameter.master}, grad{parameter.grad}, exp_avg{exp_avg_[i]},
      exp_avg_sq{exp_avg_sq_[i]}, count{of_one(steps)};
  at::_fused_adamw_(master, grad, exp_avg, exp_avg_sq, {}, count, rate, options.beta1, options.beta2,
                    weight_decay, options.eps, /*amsgrad=*/false, /*maximize=*/false, of_one(1 / scale),
                    std::nullopt);
  if (!parameter.value.is_same(parameter.master)) parameter.value.copy_(parameter.master);
}

int64_t AdamW::bytes() const {
  int64_t bytes = 0;
  for (const auto& moment : exp_avg_) bytes += 2 * static_cast<int64_t>(moment.nbytes());
  return bytes;
}

}  // namespace grpo
