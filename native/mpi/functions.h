// What the addon calls of MPI. MPI's ABI differs between Open MPI and MPICH, so that object.cc is compiled
// with the mpicxx of the machine, into an object of its own; the addon loads it where there are several
// ranks.
#pragma once
#include <cstdint>

namespace grpo {

// Each function but the last gives null, or what went wrong; the text is the object's, until the next call.
// They are collective: every rank calls the same one. `seconds`: how long they wait for the other ranks.
struct MpiFunctions {
  const char* (*start)(int32_t* rank, int32_t* size, const char** library);
  // sizes: [ranks]
  const char* (*gather_sizes)(int64_t own, int64_t* sizes, double seconds);
  // all: the bytes of all ranks, one after another
  const char* (*gather)(const void* own, void* all, const int64_t* sizes, double seconds);
  // numbers: replaced by their sums over the ranks, which are the same in all of them. Waits for ever: to be
  // called where all ranks have just come.
  const char* (*sum)(float* numbers, int64_t count);
  const char* (*finish)();
  // Ends the processes of all ranks.
  void (*abort)(int32_t code);
};

constexpr const char* kMpiFunctions = "grpo_mpi_functions";

}  // namespace grpo
