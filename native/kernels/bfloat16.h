// How fast the processor multiplies bfloat16 matrices, and by what, found by measurement: processors differ
// by a factor of ten (AMX, AVX-512 with bfloat16 instructions, neither).
#pragma once
#include <string>

#include "kernels/few_rows.h"
#include "kernels/matmul_backend.h"

namespace grpo {

struct Bfloat16 {
  // Of a step's products, relative to float32 with the back end: below 1 where float32 is faster.
  double speed;
  FewRows few_rows;
};

// Measures, once a process and shape, for some tenths of a second.
Bfloat16 measure_bfloat16(const std::string& backend, const MatmulShape& shape = {});

}  // namespace grpo
