// A device's peak rates in arithmetic and memory, measured: benchmarks state results as shares of them.
#pragma once
#include <map>
#include <string>

namespace grpo {

struct MachineLimits {
  int threads;
  // FLOP/s of a matrix product (on the CPU 1024 x 896 x 4864, on a GPU 8192 each), by each library that is
  // exact in float32; of a GPU by cuBLAS.
  std::map<std::string, double> float32;
  double rounding;  // of a product in float32: the largest error over the largest value
  double bfloat16;  // FLOP/s of the same product in bfloat16
  // Bytes/s of memory, bytes read and bytes written both counted.
  double read;    // reading alone
  double copy;    // from one array to another (the processor also fetches the lines that it overwrites)
  double update;  // in place
};

// The best of several tries; takes about a second and half a GB of the device, on a GPU 2 GB. `device` as
// open_device takes it. `threads` 0: libtorch's own number. Restores the process' number of threads
// afterwards.
MachineLimits measure_machine_limits(const std::string& device, int threads);

}  // namespace grpo
