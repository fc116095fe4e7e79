#include "engine/limits.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <chrono>

#include "engine/matmul_backend.h"
#include "engine/tensor_memory.h"
#include "error.h"

namespace grpo {
namespace {

constexpr int64_t kRows = 1024, kIn = 896, kOut = 4864;
constexpr double kProductFlops = 2.0 * kRows * kIn * kOut;
constexpr int64_t kNumbers = 64 << 20;  // 256 MiB of float32: more than any cache holds
constexpr double kSecondsEach = 0.2;

// Restores the process-wide setting that measuring changes.
class RestoredThreads {
 public:
  RestoredThreads() : threads_(at::get_num_threads()) {}
  ~RestoredThreads() { at::set_num_threads(threads_); }
  RestoredThreads(const RestoredThreads&) = delete;

 private:
  const int threads_;
};

// Shortest time of `work`, in seconds: one run to warm up, then for `kSecondsEach` or at least twice.
template <typename Work>
double least_seconds(Work work) {
  using Clock = std::chrono::steady_clock;
  const auto time = [&] {
    const auto start = Clock::now();
    work();
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  time();
  double least = time();
  for (double sum = least; sum < kSecondsEach;) {
    const double seconds = time();
    sum += seconds;
    least = std::min(least, seconds);
  }
  return least;
}

double product_rate(const std::string& backend, at::ScalarType type) {
  const MatmulPrecision precision(backend);
  const at::Tensor x = at::rand({kRows, kIn}).to(type), w = at::rand({kOut, kIn}).to(type);
  return kProductFlops / least_seconds([&] { at::linear(x, w); });
}

}  // namespace

MachineLimits measure_machine_limits(int threads) {
  const c10::InferenceMode inference;
  use_tensor_memory();  // the allocator of the engine's tensors
  const RestoredThreads restored;
  if (threads > 0) at::set_num_threads(threads);
  MachineLimits limits{at::get_num_threads(), {}, 0, 0, 0, 0};
  for (const char* name : {"mkl", "onednn"}) {
    try {
      choose_matmul_backend(name);
    } catch (const Error&) {  // rounds to bfloat16 here: no rate of float32
      continue;
    }
    limits.float32[name] = product_rate(name, at::kFloat);
  }
  limits.bfloat16 = product_rate("mkl", at::kBFloat16);

  at::Tensor from = at::ones({kNumbers}), to = at::zeros({kNumbers});
  const auto bytes = static_cast<double>(from.nbytes());
  limits.read = bytes / least_seconds([&] { from.sum(); });
  limits.copy = 2 * bytes / least_seconds([&] { to.copy_(from); });
  limits.update = 2 * bytes / least_seconds([&] { to.mul_(0.5); });
  from.reset();
  to.reset();
  trim_tensor_memory();
  return limits;
}

}  // namespace grpo
