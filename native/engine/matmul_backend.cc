#include "engine/matmul_backend.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <vector>

#include "error.h"

namespace grpo {
namespace {

// The setting that is held, and by how many.
struct {
  std::mutex mutex;
  std::condition_variable freed;
  std::string precision;
  int holders = 0;
} held;

// Shapes of a layer's products: few rows as in sampling, many as in training.
constexpr int64_t kIn = 896, kOut = 4864;
constexpr std::array<int64_t, 3> kRows{16, 64, 256};

double seconds(const std::string& backend, const at::Tensor& x, const at::Tensor& w) {
  const MatmulPrecision precision(backend);
  const auto start = std::chrono::steady_clock::now();
  at::linear(x, w);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Whether oneDNN is, in float32.
bool exact() {
  const MatmulPrecision precision("onednn");
  const at::Tensor x = at::randn({32, 896}), w = at::randn({256, 896});
  const at::Tensor truth = at::linear(x.to(at::kDouble), w.to(at::kDouble));
  const double error = (at::linear(x, w) - truth).abs().max().item<double>();
  return error < 5e-6 * truth.abs().max().item<double>();  // bfloat16 keeps 8 bits and misses this by far
}

// Takes turns and keeps each library's best time, so that other load on the machine slows both alike.
MatmulBackend measure() {
  constexpr int kRepeats = 6;
  constexpr double kClearly = 1.15;  // so that noise hardly changes the choice from run to run
  std::vector<std::string> names{"mkl"};
  if (exact()) names.push_back("onednn");
  const at::Tensor w = at::rand({kOut, kIn});
  MatmulBackend result{"mkl", {}};
  std::map<std::string, double> rate;  // GFLOP/s, the harmonic mean over the shapes
  for (const int64_t rows : kRows) {
    const at::Tensor x = at::rand({rows, kIn});
    std::map<std::string, double> best;
    for (int repeat = 0; repeat < kRepeats; ++repeat) {
      for (const auto& name : names) {
        const double time = seconds(name, x, w);
        best[name] = repeat == 0 ? time : std::min(best[name], time);
      }
    }
    for (const auto& name : names) rate[name] += best[name] / (2e-9 * rows * kIn * kOut) / kRows.size();
  }
  for (const auto& name : names) result.gflops[name] = 1 / rate[name];
  if (names.size() > 1 && result.gflops["onednn"] > kClearly * result.gflops["mkl"]) result.name = "onednn";
  return result;
}

}  // namespace

MatmulPrecision::MatmulPrecision(const std::string& backend) {
  // libtorch multiplies with MKL by default. At "medium" precision it calls oneDNN, which may round to
  // bfloat16 where the processor has instructions for that (AMX): hence `exact`.
  const std::string precision = backend == "onednn" ? "medium" : "highest";
  std::unique_lock lock(held.mutex);
  held.freed.wait(lock, [&] { return held.holders == 0 || held.precision == precision; });
  if (held.holders++ > 0) return;
  held.precision = precision;
  at::globalContext().setFloat32MatmulPrecision(precision);
}

MatmulPrecision::~MatmulPrecision() {
  const std::lock_guard lock(held.mutex);
  if (--held.holders == 0) held.freed.notify_all();
}

double bfloat16_speed(const std::string& backend) {
  constexpr int kRepeats = 4;
  const at::Tensor x = at::rand({kRows.back(), kIn}), w = at::rand({kOut, kIn});
  const at::Tensor narrow_x = x.to(at::kBFloat16), narrow_w = w.to(at::kBFloat16);
  double best = 0, narrow_best = 0;
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    const double time = seconds(backend, x, w), narrow_time = seconds(backend, narrow_x, narrow_w);
    best = repeat == 0 ? time : std::min(best, time);
    narrow_best = repeat == 0 ? narrow_time : std::min(narrow_best, narrow_time);
  }
  return best / narrow_best;
}

MatmulBackend choose_matmul_backend(const std::string& choice) {
  if (choice == "auto") {
    static const MatmulBackend measured = measure();  // by one thread; others wait for it
    return measured;
  }
  if (choice == "onednn" && !exact()) {
    throw Error("MATMUL_INEXACT", "oneDNN rounds float32 products to bfloat16 on this processor",
                "Leave the matrix back end to be chosen, or choose mkl.");
  }
  return {choice, {}};
}

}  // namespace grpo
