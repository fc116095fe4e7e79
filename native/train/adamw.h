// AdamW as in torch.optim (Loshchilov and Hutter 2019), with clipping of the global gradient norm.
#pragma once
#include <deque>
#include <set>
#include <string>
#include <vector>

#include "model/parameter.h"

namespace grpo {

struct AdamWOptions {
  double learning_rate, beta1, beta2, eps, weight_decay;
  std::set<std::string> no_weight_decay;  // names of parameters without weight decay
  double max_grad_norm;                   // 0: no clipping
};

class AdamW {
 public:
  // Updates those of them that are trainable.
  explicit AdamW(std::deque<Parameter>& parameters) : parameters_(parameters) {}

  // Clips the gradients, updates the weights (`master` and `value`) and zeroes the gradients. Returns the
  // norm before clipping; where it isn't finite, no weight is updated.
  double step(const AdamWOptions& options);

  // The moments of parameter i, zero until the first step; undefined where it is frozen.
  at::Tensor& exp_avg(size_t i) { return allocate(), exp_avg_[i]; }
  at::Tensor& exp_avg_sq(size_t i) { return allocate(), exp_avg_sq_[i]; }
  void set_steps(int64_t steps) { steps_ = steps; }
  // As if no step had been taken.
  void reset() {
    exp_avg_.clear();
    exp_avg_sq_.clear();
    steps_ = 0;
  }
  int64_t bytes() const;

 private:
  void allocate();
  // Updates the parameters of these numbers with their gradients times `scale`.
  void update(const std::vector<size_t>& which, double scale, double weight_decay,
              const AdamWOptions& options);

  std::deque<Parameter>& parameters_;
  std::vector<at::Tensor> exp_avg_, exp_avg_sq_;
  int64_t steps_ = 0;
};

}  // namespace grpo
