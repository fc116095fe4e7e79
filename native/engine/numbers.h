// A tensor's numbers on the CPU.
#pragma once
#include <ATen/ATen.h>

#include <vector>

namespace grpo {

// Row-major, in float32, whatever the tensor's device and type.
inline std::vector<float> numbers_of(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.to(at::kCPU, at::kFloat).contiguous();
  return {plain.const_data_ptr<float>(), plain.const_data_ptr<float>() + plain.numel()};
}

}  // namespace grpo
