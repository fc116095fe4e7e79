// Philox4x32-10 (Salmon et al. 2011), a counter-based random generator: the number drawn for one token is a
// function of its counter and never depends on what else was drawn, or in which order.
#pragma once
#include <array>
#include <cstdint>

namespace grpo {

inline std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * counter[0], b = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(a)};
    key = {key[0] + 0x9E3779B9, key[1] + 0xBB67AE85};
  }
  return counter;
}

// The counter of one draw: the token at `position` (from 0) of a completion of a prompt in a training step.
struct Draw {
  uint64_t seed;
  uint32_t step, prompt, completion, position;
};

// Uniform in [0, 1), 53 bits.
inline double uniform(uint32_t high, uint32_t low) {
  return static_cast<double>(((uint64_t{high} << 32) | low) >> 11) * 0x1p-53;
}

inline double uniform(const Draw& draw) {
  const auto word = philox({draw.step, draw.prompt, draw.completion, draw.position},
                           {static_cast<uint32_t>(draw.seed), static_cast<uint32_t>(draw.seed >> 32)});
  return uniform(word[0], word[1]);
}

}  // namespace grpo
