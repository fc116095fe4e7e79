// The memory of the device that an engine computes on. The CPU's is limited by its allocator
// (tensor_memory.h), at the allocation; a GPU's belongs to libtorch's allocator, and is compared with the
// limit between layers.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <optional>

namespace grpo {

struct DeviceMemory {
  int64_t total;  // bytes
  int64_t free;   // bytes that tensors may still take: free ones, and those that libtorch keeps unused
};

// Nothing on the CPU, and where the device doesn't tell.
std::optional<DeviceMemory> device_memory(at::Device device);

// Lets tensors take `more` bytes more than they take now; 0: no limit. See `check_memory`. LIBTORCH_VERSION
// on a device where libtorch doesn't tell what they take (before 2.9).
void limit_memory(at::Device device, int64_t more);

// Bytes that tensors may still take; INT64_MAX where nothing limits them.
int64_t memory_left(at::Device device);

// Throws OUT_OF_MEMORY where a device's tensors take more than the limit. (The CPU's allocator has refused
// them already.)
void check_memory(at::Device device);

// Returns memory that no tensor uses to the system or the driver.
void trim_memory(at::Device device);

// Waits until the device has done all that it was given. Nothing on the CPU.
void synchronize(at::Device device);

}  // namespace grpo
