#include "sample/beam_search.h"

#include <cmath>

#include "error.h"

namespace grpo {

BeamSearch::BeamSearch(const Model& model, SampleRequest request) : Sampling(model, std::move(request)) {
  if (request_.first_generation != 0)
    throw Error("BAD_ARGUMENT", "the completions of a prompt depend on each other, so they can't be divided",
                "Sample all completions of a prompt at once, or use independent draws.");
  const bool drawn = request_.method == SamplingMethod::kWithoutReplacement;
  for (size_t i = 0; i < last_of_prompt_.size(); ++i) {
    const auto noise = PathNoise::of_prompt(request_.seed, request_.step, request_.prompt_indices[i]);
    // The best of all completions of the prompt has the score of a standard Gumbel number.
    const double score = drawn ? -std::log(noise.of_draw(0).exponential) : 0;
    beams_.emplace_back(request_.num_generations, request_.coverage,
                        Path{0, last_of_prompt_[i], kNoToken, 0, 0, score, noise, true});
  }
}

SampledPosition BeamSearch::next(const std::vector<int64_t>& stopped, const std::function<void()>& on_layer) {
  for (const int64_t completion : stopped) {
    check_completion(completion);
    auto& paths = beams_[completion / request_.num_generations].paths();
    paths[completion % request_.num_generations % paths.size()].running = false;
  }
  SampledPosition result;
  const Frontier<Place> frontier = insert_running();
  if (frontier.nodes.empty()) return result;

  std::vector<size_t> searched;
  for (size_t prompt = 0; prompt < beams_.size(); ++prompt) {
    Beam& beam = beams_[prompt];
    if (!beam.running()) continue;
    searched.push_back(prompt);
    for (size_t i = 0; i < beam.paths().size(); ++i) {
      Path path = beam.paths()[i];
      if (path.running) continue;
      path.from = static_cast<int64_t>(i);
      path.token = kNoToken;
      beam.offer(path);
    }
  }
  result.computed = for_each_block(
      frontier.nodes,
      [&](int64_t first, const std::vector<int64_t>& nodes, const at::Tensor& logits) {
        return expand(frontier, first, nodes, logits);
      },
      on_layer);

  ++position_;
  for (const size_t prompt : searched) {
    beams_[prompt].select();
    for (Path& path : beams_[prompt].paths()) path.running = path.running && !ends_with(path.token);
    report(prompt, result);
  }
  return result;
}

Frontier<BeamSearch::Place> BeamSearch::insert_running() {
  Frontier<Place> frontier;
  for (size_t prompt = 0; prompt < beams_.size(); ++prompt) {
    auto& paths = beams_[prompt].paths();
    for (size_t i = 0; i < paths.size(); ++i) {
      Path& path = paths[i];
      if (!path.running) continue;
      if (path.token != kNoToken) {
        path.node = computed_->forest.insert(path.node, {path.token}).back();
        path.noise = path.noise.child(path.token);
        path.token = kNoToken;
      }
      frontier.add(path.node, {prompt, i});
    }
  }
  return frontier;
}

at::Tensor BeamSearch::expand(const Frontier<Place>& frontier, int64_t first,
                              const std::vector<int64_t>& nodes, at::Tensor logits) {
  const SamplingOptions& options = request_.options;
  const at::Tensor shaped =
      options.shape_probabilities() ? probabilities(logits, history(nodes), options) : at::Tensor();
  if (options.policy_temperature > 0) logits.div_(options.policy_temperature);
  const at::Tensor logps = logits.sub_(logits.logsumexp(1, true));

  std::vector<Place> places;
  std::vector<Parent> parents;
  for (size_t row = 0; row < nodes.size(); ++row) {
    for (const Place& place : frontier.at[first + row]) {
      const Beam& beam = beams_[place.prompt];
      const Path& path = beam.paths()[place.path];
      places.push_back(place);
      parents.push_back({static_cast<int64_t>(row), path.draw_logp, path.score, beam.bar(), path.noise});
    }
  }
  const auto children_of =
      request_.method == SamplingMethod::kMostProbable ? likeliest_children : drawn_children;
  const auto children =
      children_of(shaped.defined() ? shaped : logps.exp(), logps, parents, request_.num_generations);
  for (size_t i = 0; i < places.size(); ++i) {
    Beam& beam = beams_[places[i].prompt];
    const Path& path = beam.paths()[places[i].path];
    for (const Child& child : children[i]) {
      if (child.score < beam.bar()) break;
      beam.offer({static_cast<int64_t>(places[i].path), path.node, child.token, child.logp,
                  path.draw_logp + child.draw_logp, child.score, path.noise, true});
    }
  }
  return logps;
}

void BeamSearch::report(size_t prompt, SampledPosition& result) const {
  const Beam& beam = beams_[prompt];
  const auto first = static_cast<int64_t>(prompt) * request_.num_generations;
  for (int64_t i = 0; i < request_.num_generations; ++i) {
    const Path& path = beam.paths()[i % beam.paths().size()];
    result.completions.push_back(static_cast<int32_t>(first + i));
    result.from.push_back(static_cast<int32_t>(first + path.from));
    result.tokens.push_back(static_cast<int32_t>(path.token));
    result.ended.push_back(!path.running);
    result.logps.push_back(path.token == kNoToken ? 0 : path.logp);
  }
}

}  // namespace grpo
