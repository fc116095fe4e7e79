// What this machine's processor and memory give at best, for benchmarks to compare with.
#pragma once
#include <map>
#include <string>

namespace grpo {

struct MachineLimits {
  int threads;
  // FLOP/s of one product of 1024 x 896 x 4864, by each library that is exact in float32.
  std::map<std::string, double> float32;
  double bfloat16;  // FLOP/s of the same product, of bfloat16 numbers
  // Bytes/s, those read and those written both counted.
  double read;    // of reading alone
  double copy;    // from one place to another, which must fetch what it overwrites
  double update;  // in place
};

// The best of several tries, about a second in all and half a GB. `threads`: 0 leaves libtorch's
// own number. What was chosen before (matrix library, number of threads) is chosen again after.
MachineLimits measure_machine_limits(int threads);

}  // namespace grpo
