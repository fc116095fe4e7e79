// Lists of indices on the device that gathers with them.
#pragma once
#include <ATen/ATen.h>

#include <vector>

namespace grpo {

// Each list as a tensor [its size] of int64. All are parts of one tensor, as each copy to a GPU waits for
// what the GPU was given before.
std::vector<at::Tensor> index_tensors(const std::vector<std::vector<int64_t>>& lists, at::Device device);

}  // namespace grpo
