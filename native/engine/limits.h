// The machine's peak rates in arithmetic and memory, measured: benchmarks state results as shares of them.
#pragma once
#include <map>
#include <string>

namespace grpo {

struct MachineLimits {
  int threads;
  // FLOP/s of a matrix product of 1024 x 896 x 4864, by each library that is exact in float32.
  std::map<std::string, double> float32;
  double bfloat16;  // FLOP/s of the same product in bfloat16
  // Bytes/s of memory, bytes read and bytes written both counted.
  double read;    // reading alone
  double copy;    // from one array to another (the processor also fetches the lines that it overwrites)
  double update;  // in place
};

// The best of several tries; takes about a second and half a GB. `threads` 0: libtorch's own number. Restores
// the process' number of threads afterwards.
MachineLimits measure_machine_limits(int threads);

}  // namespace grpo
