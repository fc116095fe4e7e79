// Where tensors on the CPU live. The system's malloc hands large blocks back to the kernel, which
// clears every page of them anew: a fifth of a training step. Here they are kept for the next
// tensor, on huge pages.
#pragma once
#include <cstdint>

namespace grpo {

// Gives libtorch this memory for large tensors, once a process. Where the system won't reserve
// the address space (or isn't Linux), malloc stays.
void use_tensor_memory();

// Tensors may take so many bytes more than they do now: the process ends with an error it can answer, not
// by the kernel's hand. Beyond them OUT_OF_MEMORY. 0: no limit.
void limit_tensor_memory(int64_t more);

// Bytes that they may still take; no end of them where nothing limits them.
int64_t tensor_memory_left();

// Gives the kernel back what no tensor uses.
void trim_tensor_memory();

}  // namespace grpo
