// The paths of one prompt that a beam search keeps: completions, running and ended, of the best scores.
#pragma once
#include <vector>

#include "sample/children.h"

namespace grpo {

struct Path {
  int64_t from;      // the path that it continues, among those of the position before
  int64_t node;      // its last node, or where `token` is one, the one before
  int64_t token;     // what continued it, not inserted yet; kNoToken: nothing, it had ended or begins
  float logp;        // of the token, at the policy's temperature, nats
  double draw_logp;  // of the path, in the distribution that is drawn from, nats
  double score;
  PathNoise noise;
  bool running;
};

class Beam {
 public:
  // At most `size` paths, and with a `coverage` below 1 no more than are needed for that probability.
  Beam(int64_t size, double coverage, const Path& root) : size_(size), coverage_(coverage), paths_{root} {}

  std::vector<Path>& paths() { return paths_; }
  const std::vector<Path>& paths() const { return paths_; }
  bool running() const;

  // What is offered takes the place of the paths at the next select().
  void offer(const Path& path);
  // Paths of lower scores need not be offered.
  double bar() const;
  // The paths are the best of those that were offered, best first.
  void select();

 private:
  void drop_least_likely();

  const int64_t size_;
  const double coverage_;
  std::vector<Path> paths_;
  std::vector<Path> offered_;  // a heap, its worst first: the best, at most size
};

}  // namespace grpo
