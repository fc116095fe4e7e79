#include "engine/limits.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <chrono>

#include "engine/device.h"
#include "engine/device_memory.h"
#include "kernels/matmul_backend.h"
#include "engine/tensor_memory.h"
#include "error.h"

namespace grpo {
namespace {

// Of one measurement: a matrix product of rows x in x out, and the float32 numbers that are read or copied.
struct Sizes {
  int64_t rows, in, out, numbers;
  double flops() const { return 2.0 * rows * in * out; }
};

// 256 MiB of numbers: more than any processor's cache holds.
constexpr Sizes kProcessor{1024, 896, 4864, 64 << 20};
// A GPU takes milliseconds for these, against which the start of a kernel is nothing; 1 GiB of numbers.
constexpr Sizes kGpu{8192, 8192, 8192, 256 << 20};
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

// Measures on one device. What was queued there has to be done before a time is taken.
class Measured {
 public:
  explicit Measured(at::Device device) : device_(device), sizes_(device.is_cuda() ? kGpu : kProcessor) {}

  // FLOP/s of the product of x and w^T in numbers of this type, by a library.
  double product_rate(const std::string& library, at::ScalarType type) const {
    const MatmulPrecision precision(library);
    const at::Tensor x = random(sizes_.rows, sizes_.in).to(type), w = random(sizes_.out, sizes_.in).to(type);
    return sizes_.flops() / least_seconds([&] { at::linear(x, w); });
  }

  // The largest error of a product in float32 over its largest value.
  double product_error(const std::string& library) const {
    const MatmulPrecision precision(library);
    const at::Tensor x = random(256, 1024), w = random(256, 1024);
    const at::Tensor truth = at::linear(x.cpu().to(at::kDouble), w.cpu().to(at::kDouble));
    const at::Tensor error = at::linear(x, w).cpu().to(at::kDouble) - truth;
    return error.abs().max().item<double>() / truth.abs().max().item<double>();
  }

  void memory_rates(MachineLimits& limits) const {
    const auto options = at::TensorOptions(device_);
    const at::Tensor from = at::ones({sizes_.numbers}, options), to = at::zeros({sizes_.numbers}, options);
    const auto bytes = static_cast<double>(from.nbytes());
    limits.read = bytes / least_seconds([&] { from.sum(); });
    limits.copy = 2 * bytes / least_seconds([&] { to.copy_(from); });
    limits.update = 2 * bytes / least_seconds([&] { to.mul_(0.5); });
  }

 private:
  at::Tensor random(int64_t rows, int64_t columns) const { return at::randn({rows, columns}).to(device_); }

  // Shortest time of `work`, in seconds: one run to warm up, then for `kSecondsEach` or at least twice.
  template <typename Work>
  double least_seconds(Work work) const {
    using Clock = std::chrono::steady_clock;
    const auto time = [&] {
      const auto start = Clock::now();
      work();
      synchronize(device_);
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

  const at::Device device_;
  const Sizes sizes_;
};

}  // namespace

MachineLimits measure_machine_limits(const std::string& name, int threads) {
  const c10::InferenceMode inference;
  const at::Device device = open_device(name);
  use_tensor_memory();  // the allocator of the engine's tensors
  const RestoredThreads restored;
  if (threads > 0) at::set_num_threads(threads);
  const Measured measured(device);
  MachineLimits limits{at::get_num_threads(), {}, 0, 0, 0, 0, 0};
  std::string library = device.is_cuda() ? "cublas" : "own";
  if (device.is_cpu()) {
    library = "mkl";
    for (const char* name : {"mkl", "onednn"}) {
      try {
        choose_matmul_backend(name);
      } catch (const Error&) {  // rounds to bfloat16 here: no rate of float32
        continue;
      }
      limits.float32[name] = measured.product_rate(name, at::kFloat);
    }
  } else {
    limits.float32[library] = measured.product_rate(library, at::kFloat);
  }
  limits.rounding = measured.product_error(library);
  limits.bfloat16 = measured.product_rate(library, at::kBFloat16);
  measured.memory_rates(limits);
  trim_memory(device);
  return limits;
}

}  // namespace grpo
