// The library that multiplies float32 matrices on the CPU, chosen by measurement.
#pragma once
#include <map>
#include <string>

namespace grpo {

struct MatmulBackend {
  std::string name;  // mkl or onednn
  // GFLOP/s by library, the harmonic mean over 16, 64 and 256 x 896 x 4864; empty if nothing was measured.
  std::map<std::string, double> gflops;
};

// `choice`: mkl, onednn, or auto, which measures both once a process and keeps oneDNN only where
// it is exact in float32 and clearly faster.
MatmulBackend choose_matmul_backend(const std::string& choice);

// Has libtorch multiply float32 matrices with a back end (mkl, onednn, or cublas in IEEE arithmetic) while
// this object lives. It is a setting of the whole process, which CPU and GPU share: what oneDNN needs makes a
// GPU round to TF32. So whoever needs another setting waits meanwhile.
class MatmulPrecision {
 public:
  explicit MatmulPrecision(const std::string& backend);
  ~MatmulPrecision();
  MatmulPrecision(const MatmulPrecision&) = delete;
};

// Speed of bfloat16 matrix products relative to float32 ones with the back end: below 1 where the
// processor has no instructions for bfloat16, or slow ones. Measures for some 20 ms.
double bfloat16_speed(const std::string& backend);

}  // namespace grpo
