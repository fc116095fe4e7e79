// The draws of one token position: from each row of logits, a token for each completion at it. One algorithm,
// the inversion of the cumulative distribution at numbers that the caller gives, in two implementations.
#pragma once
#include "sample/probabilities.h"

namespace grpo {

// What to draw with, parallel to the rows of the logits.
struct DrawRows {
  std::vector<std::vector<double>> uniforms;  // in [0, 1), one for each token to draw from the row
  // The tokens before it, prompt included: read, and needed, only where there is a repetition penalty.
  std::vector<std::vector<int64_t>> history;
};

struct DrawnToken {
  int64_t id;
  float logp;  // log softmax(logits / policy_temperature)[id], nats
};

struct Drawn {
  at::Tensor logps;                             // [rows, vocab] log softmax(logits / policy_temperature)
  std::vector<std::vector<DrawnToken>> tokens;  // of each row, one for each of its uniforms
};

// How many rows of these logits [rows, vocab] to draw from at a time.
int64_t rows_at_once(const at::Tensor& logits);

// logits: [rows, vocab] float32, which are overwritten. On the host or on the device, as the logits are.
Drawn draw(at::Tensor logits, const DrawRows& rows, const SamplingOptions& options);

// Sums in float64, a row a thread.
Drawn draw_on_host(at::Tensor logits, const DrawRows& rows, const SamplingOptions& options);
// Tensor operations alone, so it is right on any device: the uniforms go there and the tokens come back, in a
// copy each. Draws the token that draw_on_host draws, unless a uniform is within rounding of a boundary.
Drawn draw_on_device(at::Tensor logits, const DrawRows& rows, const SamplingOptions& options);

}  // namespace grpo
