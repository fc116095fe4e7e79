#include "engine/device_memory.h"

#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>
#include <torch/version.h>

#include <algorithm>
#include <limits>
#include <map>
#include <mutex>
#include <string>

#include "engine/tensor_memory.h"
#include "error.h"

#define GRPO_TORCH_AT_LEAST(minor) (TORCH_VERSION_MAJOR > 2 || TORCH_VERSION_MINOR >= (minor))

#if GRPO_TORCH_AT_LEAST(9)
#include <c10/core/CachingDeviceAllocator.h>
#endif

namespace grpo {
namespace {

constexpr int64_t kNone = std::numeric_limits<int64_t>::max();

struct Bytes {
  int64_t free, total;
};

// As the driver tells. By name, since CUDA's headers may not be there; libtorch_cuda has loaded the library.
std::optional<Bytes> cuda_bytes(at::Device device) {
  using MemGetInfo = int (*)(size_t* free, size_t* total);
  static const auto get = reinterpret_cast<MemGetInfo>(::dlsym(RTLD_DEFAULT, "cudaMemGetInfo"));
  size_t free = 0, total = 0;
  const c10::DeviceGuard guard(device);  // it tells of the current device
  if (!get || get(&free, &total) != 0) return {};
  return Bytes{static_cast<int64_t>(free), static_cast<int64_t>(total)};
}

std::optional<Bytes> bytes_of(at::Device device) {
  if (device.is_cuda()) return cuda_bytes(device);
#if GRPO_TORCH_AT_LEAST(10)
  const auto [free, total] = c10::getDeviceAllocator(device.type())->getMemoryInfo(device.index());
  return Bytes{static_cast<int64_t>(free), static_cast<int64_t>(total)};
#else
  return {};
#endif
}

struct Taken {
  int64_t tensors, cached;  // bytes of this process' tensors, and what libtorch keeps for further ones
};

// Nothing where libtorch doesn't tell: before 2.9.
Taken taken_on(at::Device device) {
#if GRPO_TORCH_AT_LEAST(9)
  constexpr size_t kAll = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  auto* const allocator = c10::getDeviceAllocator(device.type());
  if (!allocator->initialized()) return {0, 0};
  const auto stats = allocator->getDeviceStats(device.index());
  const int64_t tensors = stats.allocated_bytes[kAll].current;
  return {tensors, stats.reserved_bytes[kAll].current - tensors};
#else
  static_cast<void>(device);
  return {0, 0};
#endif
}

std::mutex mutex;
std::map<at::DeviceIndex, int64_t> limits;  // bytes that the tensors of a device may take

std::optional<int64_t> limit_of(at::Device device) {
  const std::lock_guard lock(mutex);
  const auto found = limits.find(device.index());
  return found == limits.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

std::optional<DeviceMemory> device_memory(at::Device device) {
  if (device.is_cpu()) return {};
  const auto bytes = bytes_of(device);
  if (!bytes) return {};
  const Taken taken = taken_on(device);
  return DeviceMemory{bytes->total, bytes->free + taken.cached};
}

void limit_memory(at::Device device, int64_t more) {
  if (device.is_cpu()) return limit_tensor_memory(more);
  if (more > 0 && !GRPO_TORCH_AT_LEAST(9)) {
    throw Error(
        "LIBTORCH_VERSION",
        "max_memory on " + device.str() + " needs libtorch 2.9 or newer; this is " TORCH_VERSION,
        "Leave max_memory out: a step is split where the device's own memory runs out. Or use another "
        "PyTorch: npx grpo-native setup --fetch");
  }
  const int64_t now = taken_on(device).tensors;
  const std::lock_guard lock(mutex);
  limits.erase(device.index());
  if (more > 0) limits[device.index()] = now + more;
}

int64_t memory_left(at::Device device) {
  if (device.is_cpu()) return tensor_memory_left();
  const auto memory = device_memory(device);
  const int64_t free = memory ? memory->free : kNone;
  const auto limit = limit_of(device);
  return std::max<int64_t>(0, limit ? std::min(free, *limit - taken_on(device).tensors) : free);
}

void check_memory(at::Device device) {
  if (device.is_cpu()) return;
  const auto limit = limit_of(device);
  if (!limit) return;
  const int64_t taken = taken_on(device).tensors;
  if (taken <= *limit) return;
  const auto megabytes = [](int64_t bytes) { return std::to_string(bytes / 1000000) + " MB"; };
  throw out_of_memory("the memory of " + device.str() + " ran out: " + megabytes(taken) +
                      " are taken, and the limit is " + megabytes(*limit));
}

void trim_memory(at::Device device) {
  if (device.is_cpu()) return trim_tensor_memory();
#if GRPO_TORCH_AT_LEAST(9)
  auto* const allocator = c10::getDeviceAllocator(device.type());
  if (allocator->initialized()) allocator->emptyCache();
#endif
}

void synchronize(at::Device device) {
  if (!device.is_cpu()) c10::impl::VirtualGuardImpl(device.type()).synchronizeDevice(device.index());
}

}  // namespace grpo
