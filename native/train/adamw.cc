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

double global_norm(const std::vector<at::Tensor>& grads) {
  if (!grads.front().is_cpu()) {
    // One number comes to the host. (A GPU adds up in a tree, of 65,536 squares at most.)
    return at::stack(at::_foreach_norm(grads, 2)).to(at::kDouble).square().sum().sqrt().item<double>();
  }
  double squares = 0;
  for (const auto& grad : grads) squares += squared_norm(grad);
  return std::sqrt(squares);
}

}  // namespace

void AdamW::allocate() {
  if (!exp_avg_.empty()) return;
  std::vector<at::Tensor> first, second;  // all or none, as memory may run out on the way
  for (const auto& parameter : parameters_) {
    first.push_back(parameter.trainable ? at::zeros_like(parameter.master) : at::Tensor());
    second.push_back(parameter.trainable ? at::zeros_like(parameter.master) : at::Tensor());
  }
  exp_avg_ = std::move(first);
  exp_avg_sq_ = std::move(second);
}

double AdamW::step(const AdamWOptions& options) {
  allocate();
  std::vector<at::Tensor> grads;
  for (auto& parameter : parameters_) {
    if (!parameter.trainable) continue;
    if (!parameter.has_grad) parameter.add_grad(at::zeros_like(parameter.master));
    grads.push_back(parameter.grad);
  }
  const double norm = global_norm(grads);
  if (std::isfinite(norm)) {
    // The factor of torch's clip_grad_norm_, applied as the update reads each gradient, without a pass of its
    // own.
    const double scale = options.max_grad_norm > 0 ? std::min(1.0, options.max_grad_norm / (norm + 1e-6)) : 1;
    ++steps_;
    std::vector<size_t> decayed, plain;
    for (size_t i = 0; i < parameters_.size(); ++i) {
      if (!parameters_[i].trainable) continue;
      (options.no_weight_decay.count(parameters_[i].name) == 0 ? decayed : plain).push_back(i);
    }
    update(decayed, scale, options.weight_decay, options);
    update(plain, scale, 0, options);
  }
  for (auto& parameter : parameters_) parameter.zero_grad();
  return norm;
}

void AdamW::update(const std::vector<size_t>& which, double scale, double weight_decay,
                   const AdamWOptions& options) {
  if (which.empty()) return;
  const double steps = static_cast<double>(steps_), rate = options.learning_rate;
  if (suits_adamw(parameters_[which.front()].master)) {
    const auto number = [](double x) { return static_cast<float>(x); };
    const AdamWUpdate update{number(scale),
                             number(options.beta1),
                             number(options.beta2),
                             number(1 - rate * weight_decay),
                             number(rate / (1 - std::pow(options.beta1, steps))),
                             number(std::sqrt(1 - std::pow(options.beta2, steps))),
                             number(options.eps)};
    for (const size_t i : which) {
      const Parameter& parameter = parameters_[i];
      adamw(parameter.master, exp_avg_[i], exp_avg_sq_[i], parameter.grad, parameter.value, update);
    }
    return;
  }
  std::vector<at::Tensor> master, grad, exp_avg, exp_avg_sq, value;
  for (const size_t i : which) {
    const Parameter& parameter = parameters_[i];
    master.push_back(parameter.master);
    grad.push_back(parameter.grad);
    exp_avg.push_back(exp_avg_[i]);
    exp_avg_sq.push_back(exp_avg_sq_[i]);
    if (!parameter.value.is_same(parameter.master)) value.push_back(parameter.value);
  }
  const auto of_one = [&](double x) { return at::full({}, x, master.front().options()); };
  const std::vector<at::Tensor> count(which.size(), of_one(steps));  // one tensor for all: it is only read
  at::_fused_adamw_(master, grad, exp_avg, exp_avg_sq, {}, count, rate, options.beta1, options.beta2,
                    weight_decay, options.eps, /*amsgrad=*/false, /*maximize=*/false, of_one(1 / scale),
                    std::nullopt);
  if (!value.empty()) at::_foreach_copy_(value, master);
}

int64_t AdamW::bytes() const {
  int64_t bytes = 0;
  for (const auto& moment : exp_avg_) {
    if (moment.defined()) bytes += 2 * static_cast<int64_t>(moment.nbytes());
  }
  return bytes;
}

}  // namespace grpo
