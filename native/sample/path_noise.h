// The random numbers of a draw without replacement. A node of a prompt's tree of completions has a key, which
// is made from its parent's and its token, so its numbers depend on its tokens alone and never on what else
// was drawn, or in which order.
#pragma once
#include <cmath>

#include "sample/philox.h"

namespace grpo {

class PathNoise {
 public:
  // Of a prompt, before its first token.
  static PathNoise of_prompt(uint64_t seed, uint32_t step, uint32_t prompt) {
    // (No completion of independent draws has this number.)
    const auto word = philox({step, prompt, UINT32_MAX, 0},
                             {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
    return PathNoise({word[0], word[1]});
  }
  PathNoise child(int64_t token) const {
    const auto word = numbers(kKeyOfChild, static_cast<uint64_t>(token));
    return PathNoise({word[0], word[1]});
  }

  // Of the node's k-th draw, from 0: exponential, of rate 1, and uniform in [0, 1).
  struct OfDraw {
    double exponential, uniform;
  };
  OfDraw of_draw(uint64_t k) const {
    const auto word = numbers(kDraw, k);
    return {-std::log1p(-uniform(word[0], word[1])), uniform(word[2], word[3])};
  }

 private:
  static constexpr uint32_t kKeyOfChild = 0, kDraw = 1;
  explicit PathNoise(std::array<uint32_t, 2> key) : key_(key) {}
  std::array<uint32_t, 4> numbers(uint32_t purpose, uint64_t index) const {
    return philox({static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), purpose, 0}, key_);
  }

  std::array<uint32_t, 2> key_;
};

}  // namespace grpo
