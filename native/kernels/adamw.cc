#include "kernels/adamw.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>

#include <algorithm>

namespace grpo {
namespace {

constexpr int64_t kAtOnce = 16384;  // numbers in one piece of a thread's work

AdamWLoop loop_of_processor() {
// Without OpenMP (see CMakeLists.txt) one thread would do all of it.
#if defined(__x86_64__) && defined(_OPENMP)
  const std::string capability = at::get_cpu_capability();
  if ((capability == "AVX2" || capability == "AVX512") && __builtin_cpu_supports("fma")) return adamw_avx2();
#endif
  return nullptr;
}

AdamWLoop chosen() {
  static const AdamWLoop loop = loop_of_processor();
  return loop;
}

}  // namespace

bool suits_adamw(const at::Tensor& master) { return master.is_cpu() && chosen(); }

void adamw(const at::Tensor& master, const at::Tensor& exp_avg, const at::Tensor& exp_avg_sq,
           const at::Tensor& grad, const at::Tensor& value, const AdamWUpdate& update) {
  float* const w = master.data_ptr<float>();
  float* const m = exp_avg.data_ptr<float>();
  float* const v = exp_avg_sq.data_ptr<float>();
  const float* const g = grad.const_data_ptr<float>();
  uint16_t* const copy =
      value.is_same(master) ? nullptr : reinterpret_cast<uint16_t*>(value.data_ptr<at::BFloat16>());
  const int64_t count = master.numel();
  at::parallel_for(0, (count + kAtOnce - 1) / kAtOnce, 1, [&](int64_t begin, int64_t end) {
    const int64_t first = begin * kAtOnce, last = std::min(end * kAtOnce, count);
    chosen()(w + first, m + first, v + first, g + first, copy ? copy + first : nullptr, last - first, update);
  });
}

}  // namespace grpo
