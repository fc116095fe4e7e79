// What was asked of the device, counted: tests hold the engine to it.
#pragma once
#include <cstdint>
#include <map>
#include <string>

namespace test_device {

struct Counters {
  std::map<std::string, int64_t> operations;       // by name, as `mm.out`; on a GPU each is a launch or a few
  int64_t host_to_device = 0, device_to_host = 0;  // copies, `item()` included
  int64_t bytes_to_device = 0, bytes_to_host = 0;
  int64_t synchronizations = 0;  // times the host waited for a result: all but blocking copies to the device
};

Counters counters();
void reset_counters();

void count_operation(const std::string& name);
void count_to_device(int64_t bytes);
void count_to_host(int64_t bytes);
void count_synchronization();

}  // namespace test_device
