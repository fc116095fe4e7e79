#include "memory.h"

#include <c10/util/Exception.h>
#include <sys/mman.h>
#include <torch/version.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>

#define TORCH_AT_LEAST(minor) (TORCH_VERSION_MAJOR > 2 || TORCH_VERSION_MINOR >= (minor))
#if TORCH_AT_LEAST(9)
#include <c10/core/CachingDeviceAllocator.h>
#endif

namespace test_device {
namespace {

constexpr size_t kCapacity = size_t{64} << 30;    // of the device, where no limit is set
constexpr size_t kAddresses = size_t{4} << 40;    // given out once each; a process of tests needs few of them
constexpr size_t kAlignment = 512;                // CUDA's
constexpr size_t kMarkedBytes = size_t{1} << 20;  // of a new block; marking large ones would take the time

std::mutex mutex;
size_t capacity = kCapacity, allocated = 0, peak = 0;

struct Block {
  explicit Block(size_t size) : size(size), numbers(std::aligned_alloc(kAlignment, size)) {
    TORCH_CHECK(numbers, "the test device's host has no memory left");
    std::memset(numbers, 0xFF,
                std::min(size, kMarkedBytes));  // NaN, and -1: a GPU's memory isn't zeroed either
  }
  ~Block() {
    std::free(numbers);
    const std::lock_guard lock(mutex);
    allocated -= size;
  }
  Block(const Block&) = delete;

  const size_t size;
  void* const numbers;
};

void free_block(void* block) { delete static_cast<Block*>(block); }

// Addresses for a block, no two blocks the same.
void* next_address(size_t size) {
  static char* const first = [] {
    void* addresses =
        ::mmap(nullptr, kAddresses, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    TORCH_CHECK(addresses != MAP_FAILED, "the test device cannot reserve its addresses");
    return static_cast<char*>(addresses);
  }();
  static std::atomic<size_t> used{0};
  const size_t begin = used.fetch_add(size);
  TORCH_CHECK(begin + size <= kAddresses, "the test device has given out all of its addresses");
  return first + begin;
}

void reserve(size_t size) {
  const std::lock_guard lock(mutex);
  TORCH_CHECK_WITH(OutOfMemoryError, allocated + size <= capacity,
                   "test device out of memory. Tried to allocate ", size, " bytes of ", capacity,
                   ", of which ", allocated, " are in use.");
  allocated += size;
  peak = std::max(peak, allocated);
}

#if TORCH_AT_LEAST(9)
using Base = c10::DeviceAllocator;
#else
using Base = c10::Allocator;
#endif

class Allocator : public Base {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    const c10::Device device(kType, 0);
    if (bytes == 0) return {nullptr, device};
    const size_t size = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    reserve(size);
    Block* const block = new Block(size);
    return {next_address(size), block, &free_block, device};
  }
  void copy_data(void*, const void*, size_t) const override {
    TORCH_CHECK(false, "the test device clones no bare pointers");
  }
#if TORCH_AT_LEAST(9)
  bool initialized() override { return true; }
  void emptyCache(c10::MempoolId_t) override {}  // freed memory isn't kept
  void recordStream(const c10::DataPtr&, c10::Stream) override {}
  c10::CachingDeviceAllocator::DeviceStats getDeviceStats(c10::DeviceIndex) override {
    const std::lock_guard lock(mutex);
    c10::CachingDeviceAllocator::DeviceStats stats;
    for (auto* const bytes : {&stats.allocated_bytes, &stats.reserved_bytes, &stats.active_bytes}) {
      (*bytes)[0].current = static_cast<int64_t>(allocated);
      (*bytes)[0].peak = static_cast<int64_t>(peak);
    }
    return stats;
  }
  void resetAccumulatedStats(c10::DeviceIndex) override {}
  void resetPeakStats(c10::DeviceIndex) override {
    const std::lock_guard lock(mutex);
    peak = allocated;
  }
#endif
#if TORCH_AT_LEAST(10)
  std::pair<size_t, size_t> getMemoryInfo(c10::DeviceIndex) override {
    const std::lock_guard lock(mutex);
    return {capacity - std::min(allocated, capacity), capacity};
  }
#endif
};

}  // namespace

c10::Allocator* allocator() {
  static Allocator only;
  return &only;
}

void* numbers_of(const c10::Storage& storage) {
  const auto* const block = static_cast<const Block*>(storage.data_ptr().get_context());
  return block ? block->numbers : nullptr;
}

void limit_memory(size_t bytes) {
  const std::lock_guard lock(mutex);
  capacity = bytes > 0 ? bytes : kCapacity;
}

size_t bytes_allocated() {
  const std::lock_guard lock(mutex);
  return allocated;
}

REGISTER_ALLOCATOR(kType, allocator())

}  // namespace test_device
