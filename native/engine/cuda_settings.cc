#include "engine/cuda_settings.h"

#include <ATen/Context.h>

namespace grpo {

// Two more settings are made elsewhere, or not at all:
// - TF32 (float32 products of 10-bit numbers) follows the precision that an engine holds while it computes:
//   see MatmulPrecision.
// - Equal seeds give equal numbers without setDeterministicAlgorithms: that switch would slow down the
//   process' CPU engines (index_copy_, index_put_) and make libtorch fill every new tensor. Instead nothing
//   here calls an operation that adds by atomics: sums over equal indices go through add_rows
//   (kernels/add_rows.h), running sums through running_sums (sample/probabilities.h). cuBLAS repeats its
//   results on one stream.
void configure_cuda() {
  at::Context& context = at::globalContext();
  // cuDNN's attention plans a graph for every new shape, for 50 to 400 ms. Shapes here grow at each token
  // position. Flash and memory-efficient attention remain.
  context.setSDPUseCuDNN(false);
  // Partial sums of a bfloat16 product (split-K) are added up in float32.
  context.setAllowBF16ReductionCuBLAS(false);
}

}  // namespace grpo
