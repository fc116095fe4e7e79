#include "engine/matmul_backend.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>

#include <algorithm>
#include <chrono>
#include <mutex>

#include "error.h"

namespace grpo {
namespace {

// libtorch multiplies with MKL by default. At "medium" precision it goes to oneDNN, which may
// round to bfloat16 where the processor has instructions for that (AMX): hence the check.
void use(const std::string& name) {
  at::globalContext().setFloat32MatmulPrecision(name == "onednn" ? "medium" : "highest");
}

// Seconds of one product of 256 x 896 x 4864.
constexpr int64_t kRows = 256, kIn = 896, kOut = 4864;
double seconds(const at::Tensor& x, const at::Tensor& w) {
  const auto start = std::chrono::steady_clock::now();
  at::linear(x, w);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

bool exact() {
  const at::Tensor x = at::randn({32, 896}), w = at::randn({256, 896});
  const at::Tensor truth = at::linear(x.to(at::kDouble), w.to(at::kDouble));
  const double error = (at::linear(x, w) - truth).abs().max().item<double>();
  return error < 5e-6 * truth.abs().max().item<double>();  // bfloat16 keeps 8 bits and misses this by far
}

// Both in turn, and the best of each: what else the machine does then slows both alike.
MatmulBackend measure() {
  constexpr int kRepeats = 6;
  constexpr double kClearly = 1.4;  // so that noise never changes the choice from run to run
  use("onednn");
  const bool onednn_exact = exact();
  const at::Tensor x = at::rand({kRows, kIn}), w = at::rand({kOut, kIn});
  std::map<std::string, double> best{{"mkl", 1e9}};
  if (onednn_exact) best["onednn"] = 1e9;
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    for (auto& [name, least] : best) {
      use(name);
      least = std::min(least, seconds(x, w));
    }
  }
  MatmulBackend result{"mkl", {}};
  for (const auto& [name, least] : best) result.gflops[name] = 2e-9 * kRows * kIn * kOut / least;
  if (onednn_exact && result.gflops["onednn"] > kClearly * result.gflops["mkl"]) result.name = "onednn";
  return result;
}

}  // namespace

MatmulBackend choose_matmul_backend(const std::string& choice) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  if (choice == "auto") {
    static const MatmulBackend measured = measure();
    use(measured.name);
    return measured;
  }
  use(choice);
  if (choice == "onednn" && !exact()) {
    use("mkl");
    throw Error("MATMUL_INEXACT", "oneDNN rounds float32 products to bfloat16 on this processor",
                "Leave the matrix back end to be chosen, or choose mkl.");
  }
  return {choice, {}};
}

}  // namespace grpo
