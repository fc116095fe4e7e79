// Weights of items of which some are taken away, one after another. Sums are made anew of what is left, so
// that the last ones are as exact as the first, however small they are.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

namespace grpo {

class RemainingWeights {
 public:
  RemainingWeights(const float* weights, int64_t count)
      : weights_(weights, weights + count), sums_((count + kBlock - 1) / kBlock) {
    for (size_t block = 0; block < sums_.size(); ++block) sums_[block] = sum_of(block);
    add_up();
  }

  double sum() const { return sum_; }
  double operator[](int64_t item) const { return weights_[item]; }

  // The item at which the running sum passes u * sum(), for u in [0, 1). There must be one of weight above 0.
  int64_t find(double u) const {
    double below = u * sum_;
    const size_t block = passes(sums_.data(), sums_.size(), below);
    const size_t first = block * kBlock;
    return static_cast<int64_t>(first + passes(&weights_[first], size_of(block), below));
  }

  void remove(int64_t item) {
    weights_[item] = 0;
    sums_[item / kBlock] = sum_of(item / kBlock);
    add_up();
  }

 private:
  static constexpr size_t kBlock = 512;

  size_t size_of(size_t block) const { return std::min(kBlock, weights_.size() - block * kBlock); }
  double sum_of(size_t block) const {
    double sum = 0;
    for (size_t i = 0; i < size_of(block); ++i) sum += weights_[block * kBlock + i];
    return sum;
  }
  void add_up() {
    sum_ = 0;
    for (const double sum : sums_) sum_ += sum;
  }
  // The index at which the running sum passes `below`, from which what comes before is subtracted; rounding
  // may leave it at the end, and then it is the last one above 0.
  template <typename Number>
  static size_t passes(const Number* numbers, size_t count, double& below) {
    size_t last = 0;
    for (size_t i = 0; i < count; ++i) {
      if (!(numbers[i] > 0)) continue;
      last = i;
      if (below < numbers[i]) break;
      below -= numbers[i];
    }
    return last;
  }

  std::vector<float> weights_;
  std::vector<double> sums_;  // of blocks
  double sum_ = 0;
};

}  // namespace grpo
