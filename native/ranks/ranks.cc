#include "ranks/ranks.h"

#include <dlfcn.h>
#include <stdlib.h>

#include <algorithm>
#include <numeric>

#include "error.h"

namespace grpo {
namespace {

// Numbers that are summed at a time: MPI counts in 32 bits.
constexpr int64_t kAtOnce = 1 << 28;

Ranks* started = nullptr;

void check(const char* failure) {
  if (!failure) return;
  throw Error("RANKS_FAILED", std::string("the processes that train together lost each other: ") + failure,
              "See what the other ranks say, and go on from the last checkpoint: --resume.");
}

// To know which memory may stay registered with a network card, Open MPI and UCX (in MPICH) rewrite the code
// of mmap and munmap when they are loaded. Node's other threads are in it by then: one start in twenty
// crashed.
void leave_functions_alone() {
  constexpr int kKeep = 0;  // what the user has set stays
  setenv("OMPI_MCA_memory", "^patcher", kKeep);
  setenv("UCX_MEM_EVENTS", "n", kKeep);
  setenv("UCX_MEM_MMAP_HOOK_MODE", "none", kKeep);
  setenv("FI_MR_CACHE_MONITOR", "disabled", kKeep);  // libfabric, which does the same
}

const MpiFunctions* load(const std::string& object) {
  leave_functions_alone();
  // MPI's own plug-ins look for its symbols among those of the process.
  void* const handle = dlopen(object.c_str(), RTLD_NOW | RTLD_GLOBAL);
  using Get = const MpiFunctions* (*)();
  const auto get = handle ? reinterpret_cast<Get>(dlsym(handle, kMpiFunctions)) : nullptr;
  if (get) return get();
  throw Error("MPI_BROKEN", std::string("MPI does not load: ") + dlerror(),
              "Build its object again: npx grpo-native setup --mpi.");
}

}  // namespace

Ranks::Ranks(const std::string& object) : mpi_(load(object)) {
  const char* library = "";
  check(mpi_->start(&rank_, &size_, &library));
  library_ = library;
}

Ranks& Ranks::start(const std::string& object) {
  if (!started) started = new Ranks(object);  // never freed: MPI ends with the process
  return *started;
}

Ranks& Ranks::get() {
  if (started) return *started;
  throw Error("BAD_ARGUMENT", "there are no other ranks", "Start them first: ranks.start().");
}

std::vector<int64_t> Ranks::gather_sizes(int64_t own, double seconds) {
  std::vector<int64_t> sizes(size_);
  check(mpi_->gather_sizes(own, sizes.data(), seconds));
  return sizes;
}

std::vector<Bytes> Ranks::gather(const Bytes& own, double seconds) {
  const std::lock_guard lock(mutex_);
  const auto sizes = gather_sizes(static_cast<int64_t>(own.size()), seconds);
  Bytes all(std::accumulate(sizes.begin(), sizes.end(), int64_t{0}));
  check(mpi_->gather(own.data(), all.data(), sizes.data(), seconds));
  std::vector<Bytes> result;
  auto from = all.begin();
  for (const int64_t size : sizes) {
    result.emplace_back(from, from + size);
    from += size;
  }
  return result;
}

void Ranks::sum(float* numbers, int64_t count, double seconds) {
  const std::lock_guard lock(mutex_);
  const auto sizes = gather_sizes(count, seconds);
  if (std::any_of(sizes.begin(), sizes.end(), [&](int64_t size) { return size != count; }))
    check("their tensors have different sizes");
  for (int64_t first = 0; first < count; first += kAtOnce)
    check(mpi_->sum(numbers + first, std::min(kAtOnce, count - first)));
}

void Ranks::finish() {
  const std::lock_guard lock(mutex_);
  check(mpi_->finish());
}

void Ranks::abort(int code) { mpi_->abort(code); }

}  // namespace grpo
