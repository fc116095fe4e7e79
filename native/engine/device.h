// Devices by name.
#pragma once
#include <ATen/ATen.h>

#include <string>

namespace grpo {

// `cpu`, `cuda` or `cuda:N`. Loads libtorch_cuda when first asked for a GPU, so that the addon
// itself needs none. Throws DEVICE_UNKNOWN or DEVICE_MISSING.
at::Device open_device(const std::string& name);

}  // namespace grpo
