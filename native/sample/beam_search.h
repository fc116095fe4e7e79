// Distinct completions by a beam search: a position's paths, one token longer, are those of the best scores
// among all children of the running ones and the ended ones as they are. With log-probs for scores these are
// the most probable ones; with Gumbel noise on them they are draws without replacement (stochastic beam
// search, Kool, van Hoof and Welling 2019, arXiv:1903.06059, algorithm 1).
#pragma once
#include "sample/beam.h"
#include "sample/sampling.h"

namespace grpo {

class BeamSearch : public Sampling {
 public:
  BeamSearch(const Model& model, SampleRequest request);
  SampledPosition next(const std::vector<int64_t>& stopped, const std::function<void()>& on_layer) override;

 private:
  // A path of a prompt.
  struct Place {
    size_t prompt, path;
  };

  // The nodes of the running paths; tokens that are known to go on are inserted.
  Frontier<Place> insert_running();
  // Offers their beams the children of all paths at some nodes, which frontier.at[first + ..] are at.
  at::Tensor expand(const Frontier<Place>& frontier, int64_t first, const std::vector<int64_t>& nodes,
                    at::Tensor logits);
  // Where a prompt has fewer paths than completions, the best ones are there again.
  void report(size_t prompt, SampledPosition& result) const;

  std::vector<Beam> beams_;  // [prompts]
};

}  // namespace grpo
