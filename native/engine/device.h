// Devices by name.
#pragma once
#include <ATen/ATen.h>

#include <string>

namespace grpo {

// `cpu`, `cuda` (the first GPU), `cuda:N`, or `privateuseone`: a device that another library in this process
// has registered with libtorch under that name. Loads libtorch_cuda when first asked for a GPU, so that the
// addon itself needs none, makes the device the calling thread's current one, and computes something on it.
// Throws DEVICE_UNKNOWN or DEVICE_MISSING.
at::Device open_device(const std::string& name);

}  // namespace grpo
