// libtorch's settings for computing on CUDA, which hold for the whole process.
#pragma once

namespace grpo {

// Flags that CUDA's code alone reads: nothing that a CPU computes changes. To be called when libtorch_cuda is
// loaded, by the first engine that uses it.
void configure_cuda();

}  // namespace grpo
