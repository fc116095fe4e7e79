#include "sample/beam.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

namespace grpo {
namespace {

// Equal scores: in an order that doesn't depend on when they were offered.
bool better(const Path& a, const Path& b) {
  return std::tuple(-a.score, a.from, a.token) < std::tuple(-b.score, b.from, b.token);
}

}  // namespace

bool Beam::running() const {
  return std::any_of(paths_.begin(), paths_.end(), [](const Path& path) { return path.running; });
}

double Beam::bar() const {
  return static_cast<int64_t>(offered_.size()) == size_ ? offered_.front().score
                                                        : -std::numeric_limits<double>::infinity();
}

void Beam::offer(const Path& path) {
  offered_.push_back(path);
  std::push_heap(offered_.begin(), offered_.end(), better);
  if (static_cast<int64_t>(offered_.size()) <= size_) return;
  std::pop_heap(offered_.begin(), offered_.end(), better);
  offered_.pop_back();
}

void Beam::select() {
  std::sort_heap(offered_.begin(), offered_.end(), better);
  paths_.swap(offered_);
  offered_.clear();
  if (coverage_ < 1) drop_least_likely();
}

// A position may drop half of the probability that may still be dropped, so that something is left for those
// that follow, and `coverage` for the end.
void Beam::drop_least_likely() {
  double kept = 0;
  for (const Path& path : paths_) kept += std::exp(path.draw_logp);
  double room = (kept - coverage_) / 2;
  while (paths_.size() > 1 && (room -= std::exp(paths_.back().draw_logp)) >= 0) paths_.pop_back();
}

}  // namespace grpo
