// Where tensors on the CPU live. The system's malloc hands large blocks back to the kernel, which
// clears every page of them anew: a fifth of a training step. Here they are kept for the next
// tensor, on huge pages.
#pragma once

namespace grpo {

// Gives libtorch this memory for large tensors, once a process. Where the system won't reserve
// the address space (or isn't Linux), malloc stays.
void use_tensor_memory();

// Gives the kernel back what no tensor uses.
void trim_tensor_memory();

}  // namespace grpo
