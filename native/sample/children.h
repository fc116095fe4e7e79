// How a path of a beam search goes on: its children, which have one token more, best first. A path's score
// decides whether it is kept: its log-prob, or in draws without replacement that log-prob with Gumbel noise.
#pragma once
#include "sample/path_noise.h"
#include "sample/probabilities.h"

namespace grpo {

struct Child {
  int64_t token;
  float logp;        // of the token, at the policy's temperature, nats
  double draw_logp;  // of the token, in the distribution that is drawn from, nats
  double score;      // of the path that ends with it
};

// A path whose children are asked for.
struct Parent {
  int64_t row;       // of the probabilities
  double draw_logp;  // of the path
  double score;
  double bar;  // children below this score don't matter
  PathNoise noise;
};

// Of each parent its best children, at most `most`, those of the highest scores first. Tokens that can't be
// drawn are none. probs: [rows, vocab] what is drawn from; logps: [rows, vocab] at the policy's temperature.
// Throws NONFINITE where probabilities are not numbers.

// Scores are log-probs.
std::vector<std::vector<Child>> likeliest_children(const at::Tensor& probs, const at::Tensor& logps,
                                                   const std::vector<Parent>& parents, int64_t most);

// Scores are log-probs with Gumbel noise, given that the greatest among all children is the parent's:
// top-down sampling of Kool, van Hoof and Welling 2019 (arXiv:1903.06059), section 3 and appendix B.
//
// As exp(-score) they are the first arrivals of exponential clocks, one a child, whose rates are
// probabilities. So the children are drawn in the order of their arrival: the next one by its share in the
// rates of those that have not arrived, after a time that is exponential with the sum of these rates. That
// needs numbers for the children that are asked for alone, not for the whole vocabulary, and no difference of
// nearly equal numbers.
std::vector<std::vector<Child>> drawn_children(const at::Tensor& probs, const at::Tensor& logps,
                                               const std::vector<Parent>& parents, int64_t most);

}  // namespace grpo
