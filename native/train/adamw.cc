#include "train/adamw.h"

namespace grpo {

void AdamW::allocate() {
  if (!exp_avg_.empty()) return;
  for (const auto& parameter : parameters_) {
    exp_avg_.push_back(at::zeros_like(parameter.master));
    exp_avg_sq_.push_back(at::zeros_like(parameter.master));
  }
}

double AdamW::step(const AdamWOptions& options) {
  allocate();
  std::vector<at::Tensor> grads;
  for (auto& parameter : parameters_) {
    if (!parameter.has_grad) parameter.add_grad(at::zeros_like(parameter.master));
    grads.push_back(parameter.grad);
  }
  const at::Tensor norm = at::stack(at::_foreach_norm(grads)).norm();
  // The fused kernel divides each gradient by `scale` as it reads it: clipping costs no pass.
  at::Tensor scale;
  if (options.max_grad_norm > 0) scale = ((norm + 1e-6) / options.max_grad_norm).clamp_min(1.0);

  ++steps_;
  for (const bool decay : {true, false}) {
    std::vector<at::Tensor> masters, group_grads, exp_avgs, exp_avg_sqs, counts;
    for (size_t i = 0; i < grads.size(); ++i) {
      if (decay == static_cast<bool>(options.no_weight_decay.count(parameters_[i].name))) continue;
      masters.push_back(parameters_[i].master);
      group_grads.push_back(grads[i]);
      exp_avgs.push_back(exp_avg_[i]);
      exp_avg_sqs.push_back(exp_avg_sq_[i]);
      // The kernel reads the count of steps as it stands after this one.
      counts.push_back(at::full({}, static_cast<double>(steps_), masters.back().options()));
    }
    if (masters.empty()) continue;
    at::_fused_adamw_(
        masters, group_grads, exp_avgs, exp_avg_sqs, {}, counts, options.learning_rate, options.beta1,
        options.beta2, decay ? options.weight_decay : 0.0, options.eps, /*amsgrad=*/false,
        /*maximize=*/false, scale.defined() ? std::optional(scale) : std::nullopt, std::nullopt);
  }
  for (auto& parameter : parameters_) parameter.zero_grad();
  return norm.item<double>();
}

int64_t AdamW::bytes() const {
  int64_t bytes = 0;
  for (const auto& moment : exp_avg_) bytes += 2 * static_cast<int64_t>(moment.nbytes());
  return bytes;
}

}  // namespace grpo
