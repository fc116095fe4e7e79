#include "counters.h"

#include <mutex>

namespace test_device {
namespace {
std::mutex mutex;
Counters counted;
}  // namespace

Counters counters() {
  const std::lock_guard lock(mutex);
  return counted;
}

void reset_counters() {
  const std::lock_guard lock(mutex);
  counted = {};
}

void count_operation(const std::string& name) {
  const std::lock_guard lock(mutex);
  ++counted.operations[name];
}

void count_to_device(int64_t bytes) {
  const std::lock_guard lock(mutex);
  ++counted.host_to_device;
  counted.bytes_to_device += bytes;
}

void count_to_host(int64_t bytes) {
  const std::lock_guard lock(mutex);
  ++counted.device_to_host;
  counted.bytes_to_host += bytes;
}

void count_synchronization() {
  const std::lock_guard lock(mutex);
  ++counted.synchronizations;
}

}  // namespace test_device
