// The processes that train together, one of which this one is.
#pragma once
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "mpi/functions.h"

namespace grpo {

using Bytes = std::vector<uint8_t>;

// Calls are collective. They may come from any thread, one at a time.
class Ranks {
 public:
  // Loads the object that native/mpi is compiled to, and starts MPI; once a process.
  static Ranks& start(const std::string& object);
  // Throws where it was not started.
  static Ranks& get();

  int rank() const { return rank_; }
  int size() const { return size_; }
  // Name and version of MPI.
  const std::string& library() const { return library_; }

  // The bytes of all ranks, in their order.
  std::vector<Bytes> gather(const Bytes& own, double seconds);
  // Replaces numbers by their sums over all ranks.
  void sum(float* numbers, int64_t count, double seconds);
  void finish();
  // Ends the processes of all ranks.
  void abort(int code);

 private:
  explicit Ranks(const std::string& object);
  std::vector<int64_t> gather_sizes(int64_t own, double seconds);

  const MpiFunctions* mpi_;
  int32_t rank_ = 0, size_ = 1;
  std::string library_;
  std::mutex mutex_;
};

}  // namespace grpo
