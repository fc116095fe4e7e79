// Arguments of a rollout.
#include "napi/arguments.h"
#include "napi/errors.h"
#include "napi/values.h"

namespace grpo {

SamplingOptions read_sampling_options(const Napi::Value& value) {
  const Fields fields(value);
  const SamplingOptions options{
      fields.number_within("temperature", 0, 1e6),
      static_cast<int64_t>(fields.number_within("topK", 0, 1e12)),
      fields.number_within("topP", 0, 1),
      fields.number_within("minP", 0, 1),
      fields.number_within("repetitionPenalty", 0, 1e6),
      fields.number_within(fields["policyTemperature"].IsUndefined() ? "temperature" : "policyTemperature", 0,
                           1e6)};
  if (options.repetition_penalty == 0) bad_argument("repetitionPenalty must be above 0");
  return options;
}

namespace {

SamplingMethod read_sampling_method(const Napi::Value& value) {
  if (value.IsUndefined()) return SamplingMethod::kIndependent;
  const std::string method = to_string(value);
  if (method == "independent") return SamplingMethod::kIndependent;
  if (method == "without_replacement") return SamplingMethod::kWithoutReplacement;
  if (method == "most_probable") return SamplingMethod::kMostProbable;
  bad_argument("samplingMethod must be independent, without_replacement or most_probable, not " + method);
}

}  // namespace

SampleRequest read_sample_request(const Napi::Value& value) {
  const Fields fields(value);
  SampleRequest request{};
  request.prompts = to_sequences(fields["prompts"], "prompts");
  request.num_generations = fields.integer("numGenerations");
  request.first_generation = fields.integer("firstGeneration");
  request.max_completion_length = fields.integer("maxCompletionLength");
  request.eos_token_ids = to_integers(fields["eosTokenIds"]);
  request.seed = read_seed(fields["seed"]);
  request.step = static_cast<uint32_t>(fields.integer("step"));
  for (const int64_t index : to_integers(fields["promptIndices"]))
    request.prompt_indices.push_back(static_cast<uint32_t>(index));
  request.options = read_sampling_options(value);
  request.method = read_sampling_method(fields["samplingMethod"]);
  request.coverage =
      fields["samplingCoverage"].IsUndefined() ? 1 : fields.number_within("samplingCoverage", 0, 1);
  request.keep_activations = fields.boolean("keepActivations");
  if (request.prompt_indices.size() != request.prompts.size())
    bad_argument("promptIndices must have one index a prompt");
  if (request.num_generations < 1 || request.max_completion_length < 1 || request.first_generation < 0) {
    bad_argument("numGenerations and maxCompletionLength must be at least 1, firstGeneration at least 0");
  }
  return request;
}

}  // namespace grpo
