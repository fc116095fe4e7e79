#include "engine/tensor_memory.h"

#include <limits>

#ifdef __linux__

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <map>
#include <mutex>
#include <new>
#include <set>
#include <string>

#include "error.h"

namespace grpo {
namespace {

constexpr size_t kReserved = size_t{1} << 40;  // address space only: pages are backed when first written
constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kGrain = size_t{16} << 10;   // sizes are multiples of this
constexpr size_t kSmall = size_t{256} << 10;  // blocks below stay with malloc, which reuses them

// Best fit over one reserved address range; adjacent free blocks are merged.
class TensorMemory final : public c10::Allocator {
 public:
  TensorMemory(char* begin, c10::Allocator* small) : begin_(begin), small_(small) {
    add_free(begin, kReserved);
  }

  c10::DataPtr allocate(size_t bytes) override {
    if (bytes < kSmall) return small_->allocate(bytes);
    char* block = take((bytes + kGrain - 1) / kGrain * kGrain);
    return {block, block, &release, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* to, const void* from, size_t bytes) const override { std::memcpy(to, from, bytes); }

  void limit(int64_t more) {
    const std::lock_guard lock(mutex_);
    limit_ = more > 0 ? taken_ + more : kNone;
  }

  int64_t left() {
    const std::lock_guard lock(mutex_);
    return std::max<int64_t>(0, limit_ - taken_);
  }

  void trim() {
    const std::lock_guard lock(mutex_);
    for (const auto& [begin, size] : free_at_) {
      if (begin >= touched_) continue;
      const auto first = (reinterpret_cast<uintptr_t>(begin) + kHugePage - 1) / kHugePage * kHugePage;
      char* const from = reinterpret_cast<char*>(first);
      char* const to = std::min(begin + size, touched_);
      if (from < to) madvise(from, to - from, MADV_DONTNEED);
    }
  }

  static TensorMemory* instance;

 private:
  static void release(void* pointer) {
    char* const block = static_cast<char*>(pointer);
    if (block >= instance->begin_ && block < instance->begin_ + kReserved) {
      instance->give(block);
    } else {
      instance->small_->raw_deleter()(pointer);
    }
  }

  char* take(size_t size) {
    const std::lock_guard lock(mutex_);
    if (static_cast<int64_t>(size) > limit_ - taken_) throw exhausted(static_cast<int64_t>(size));
    const auto fit = free_by_size_.lower_bound({size, nullptr});
    if (fit == free_by_size_.end()) throw std::bad_alloc();
    const auto [room, block] = *fit;
    free_by_size_.erase(fit);
    free_at_.erase(block);
    if (room > size) add_free(block + size, room - size);
    used_[block] = size;
    taken_ += static_cast<int64_t>(size);
    touched_ = std::max(touched_, block + size);
    return block;
  }

  void give(char* block) {
    const std::lock_guard lock(mutex_);
    const auto entry = used_.find(block);
    size_t size = entry->second;
    used_.erase(entry);
    taken_ -= static_cast<int64_t>(size);
    auto next = free_at_.lower_bound(block);
    if (next != free_at_.end() && next->first == block + size) {
      size += next->second;
      next = remove_free(next);
    }
    if (next != free_at_.begin()) {
      const auto before = std::prev(next);
      if (before->first + before->second == block) {
        block = before->first;
        size += before->second;
        remove_free(before);
      }
    }
    add_free(block, size);
  }

  Error exhausted(int64_t size) const {
    const auto megabytes = [](int64_t bytes) { return std::to_string(bytes / 1000000) + " MB"; };
    return out_of_memory("memory ran out: " + megabytes(taken_) + " are taken, " + megabytes(size) +
                         " more were asked for, and the limit is " + megabytes(limit_));
  }

  void add_free(char* block, size_t size) {
    free_at_[block] = size;
    free_by_size_.insert({size, block});
  }
  std::map<char*, size_t>::iterator remove_free(std::map<char*, size_t>::iterator entry) {
    free_by_size_.erase({entry->second, entry->first});
    return free_at_.erase(entry);
  }

  char* const begin_;
  c10::Allocator* const small_;
  std::mutex mutex_;
  std::map<char*, size_t> free_at_, used_;
  std::set<std::pair<size_t, char*>> free_by_size_;
  char* touched_ = begin_;  // addresses from here on were never handed out
  static constexpr int64_t kNone = std::numeric_limits<int64_t>::max();
  int64_t taken_ = 0, limit_ = kNone;
};

TensorMemory* TensorMemory::instance = nullptr;

}  // namespace

void use_tensor_memory() {
  static std::once_flag once;
  std::call_once(once, [] {
    void* const range =
        mmap(nullptr, kReserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED) return;
    madvise(range, kReserved, MADV_HUGEPAGE);
    // Never freed: tensors in static variables may outlive everything else.
    TensorMemory::instance = new TensorMemory(static_cast<char*>(range), c10::GetCPUAllocator());
    c10::SetCPUAllocator(TensorMemory::instance, /*priority=*/1);
  });
}

void limit_tensor_memory(int64_t more) {
  if (TensorMemory::instance) TensorMemory::instance->limit(more);
}

int64_t tensor_memory_left() {
  return TensorMemory::instance ? TensorMemory::instance->left() : std::numeric_limits<int64_t>::max();
}

void trim_tensor_memory() {
  if (TensorMemory::instance) TensorMemory::instance->trim();
}

}  // namespace grpo

#else

namespace grpo {
void use_tensor_memory() {}
void limit_tensor_memory(int64_t) {}
int64_t tensor_memory_left() { return std::numeric_limits<int64_t>::max(); }
void trim_tensor_memory() {}
}  // namespace grpo

#endif
