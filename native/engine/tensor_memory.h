// The allocator of large tensors on the CPU. The system's malloc returns large blocks to the kernel, which
// zeroes every page before it gives them out again: a fifth of a training step. This one keeps them for the
// next tensor, on huge pages.
#pragma once
#include <cstdint>

namespace grpo {

// Makes it libtorch's allocator, once a process. Where the system can't reserve the address space (or isn't
// Linux), malloc stays.
void use_tensor_memory();

// Lets tensors take `more` bytes more than they take now. An allocation beyond that throws OUT_OF_MEMORY,
// which a run can recover from; the kernel would kill the process. 0: no limit.
void limit_tensor_memory(int64_t more);

// Bytes left under the limit; INT64_MAX where there is none.
int64_t tensor_memory_left();

// Returns memory that no tensor uses to the kernel.
void trim_tensor_memory();

}  // namespace grpo
