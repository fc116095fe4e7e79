// Which library multiplies float32 matrices on the CPU.
#pragma once
#include <map>
#include <string>

namespace grpo {

struct MatmulBackend {
  std::string name;  // mkl or onednn
  std::map<std::string, double>
      gflops;  // of each, the mean over 16, 64 and 256 x 896 x 4864; empty where none was measured
};

// `choice`: mkl, onednn, or auto, which measures both once a process and keeps oneDNN only where
// it is exact in float32 and clearly faster. libtorch holds the choice for the whole process.
MatmulBackend choose_matmul_backend(const std::string& choice);

// How many times as fast as float32's, by the back end that is chosen, products of bfloat16 are here: below 1
// where the processor has no instructions for them, or slow ones. Measures for some 20 ms.
double bfloat16_speed();

}  // namespace grpo
