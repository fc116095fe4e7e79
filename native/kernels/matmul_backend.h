// The library that multiplies float32 matrices on the CPU, chosen by measurement.
#pragma once
#include <cstdint>
#include <map>
#include <string>

namespace grpo {

struct MatmulBackend {
  std::string name;  // mkl or onednn
  // GFLOP/s by library, the harmonic mean over some 16, 64 and 256 rows; empty if nothing was measured.
  std::map<std::string, double> gflops;
};

// The products of a model: [rows, in] x [in, out], by each of `layers` layers. Those of Qwen2-0.5B, unless
// others are given.
struct MatmulShape {
  int64_t in = 896, out = 4864, layers = 24;
};

// What to measure for a shape: of larger matrices a part, which tells as much, and of weights as many as no
// cache holds, since each layer has its own.
MatmulShape measured_part(const MatmulShape& shape);

// `choice`: mkl, onednn, or auto, which measures both once a process and shape, and keeps oneDNN only where
// it is exact in float32 and clearly faster. oneDNN compiles code for each number of rows that it meets, and
// keeps it for the next thousand: with batches that are never of one size this is a part of the price, shared
// by the layers.
MatmulBackend choose_matmul_backend(const std::string& choice, const MatmulShape& shape = {});

// Has libtorch multiply float32 matrices with a back end (mkl, onednn, or cublas in IEEE arithmetic) while
// this object lives. It is a setting of the whole process, which CPU and GPU share: what oneDNN needs makes a
// GPU round to TF32. So whoever needs another setting waits meanwhile. A thread may have one within another:
// the inner one holds until it ends.
class MatmulPrecision {
 public:
  explicit MatmulPrecision(const std::string& backend);
  ~MatmulPrecision();
  MatmulPrecision(const MatmulPrecision&) = delete;

 private:
  const std::string around_;  // what the thread held before; empty: nothing
};

}  // namespace grpo
