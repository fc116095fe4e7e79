#include "kernels/matmul_backend.h"

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

// What this thread holds; empty: nothing.
thread_local std::string mine;

// Lets go of what this thread holds, and waits until the setting is `precision` or can be. Empty: lets go
// alone.
void hold(const std::string& precision) {
  if (precision == mine) return;
  std::unique_lock lock(held.mutex);
  if (!mine.empty() && --held.holders == 0) held.freed.notify_all();
  mine = precision;
  if (precision.empty()) return;
  held.freed.wait(lock, [&] { return held.holders == 0 || held.precision == precision; });
  if (held.holders++ > 0) return;
  held.precision = precision;
  at::globalContext().setFloat32MatmulPrecision(precision);
}

// Rows of a layer's products: few as in sampling, many as in training.
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
MatmulBackend measure(const MatmulShape& shape) {
  constexpr int kRepeats = 4;
  constexpr double kClearly = 1.15;  // so that noise hardly changes the choice from run to run
  std::vector<std::string> names{"mkl"};
  if (exact()) names.push_back("onednn");
  const auto [in, out, weights] = measured_part(shape);
  const at::Tensor w = at::rand({weights, out, in});
  int64_t layer = 0;
  const auto next = [&] { return w.select(0, ++layer % weights); };
  const auto layers = static_cast<double>(shape.layers);
  MatmulBackend result{"mkl", {}};
  std::map<std::string, double> rate;  // GFLOP/s, the harmonic mean over the shapes
  for (const int64_t rows : kRows) {
    std::map<std::string, double> best;  // seconds a row
    for (int repeat = 0; repeat < kRepeats; ++repeat) {
      const int64_t count = rows + repeat;  // no number twice, as in training
      const at::Tensor x = at::rand({count, in});
      for (const auto& name : names) {
        const double first = seconds(name, x, next()), further = seconds(name, x, next());
        const double time = (first + (layers - 1) * further) / layers / static_cast<double>(count);
        best[name] = repeat == 0 ? time : std::min(best[name], time);
      }
    }
    for (const auto& name : names)
      rate[name] += best[name] / (2e-9 * static_cast<double>(in * out)) / kRows.size();
  }
  for (const auto& name : names) result.gflops[name] = 1 / rate[name];
  if (names.size() > 1 && result.gflops["onednn"] > kClearly * result.gflops["mkl"]) result.name = "onednn";
  return result;
}

}  // namespace

// libtorch multiplies with MKL by default. At "medium" precision it calls oneDNN, which may round to
// bfloat16 where the processor has instructions for that (AMX): hence `exact`.
MatmulPrecision::MatmulPrecision(const std::string& backend) : around_(mine) {
  hold(backend == "onednn" ? "medium" : "highest");
}

MatmulPrecision::~MatmulPrecision() { hold(around_); }

MatmulShape measured_part(const MatmulShape& shape) {
  constexpr MatmulShape kLargest{};
  constexpr int64_t kWeightBytes = 64 << 20;
  const int64_t in = std::min(shape.in, kLargest.in), out = std::min(shape.out, kLargest.out);
  const int64_t held = kWeightBytes / (in * out * static_cast<int64_t>(sizeof(float)));
  return {in, out, std::clamp<int64_t>(held, 1, shape.layers)};
}

MatmulBackend choose_matmul_backend(const std::string& choice, const MatmulShape& shape) {
  if (choice == "auto") {
    static std::mutex mutex;
    static std::map<std::array<int64_t, 3>, MatmulBackend> measured;
    const std::lock_guard lock(mutex);  // one thread measures; others wait for it
    const auto [entry, fresh] = measured.try_emplace({shape.in, shape.out, shape.layers});
    if (fresh) entry->second = measure(shape);
    return entry->second;
  }
  if (choice == "onednn" && !exact()) {
    throw Error("MATMUL_INEXACT", "oneDNN rounds float32 products to bfloat16 on this processor",
                "Leave the matrix back end to be chosen, or choose mkl.");
  }
  return {choice, {}};
}

}  // namespace grpo
