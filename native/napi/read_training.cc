// Arguments of scoring completions, of the optimiser, and of the reference model's update.
#include "napi/arguments.h"
#include "napi/errors.h"
#include "napi/values.h"

namespace grpo {

Batch read_batch(const Napi::Value& value) {
  const Fields fields(value);
  Batch batch{to_sequences(fields["prompts"], "prompts"), to_sequences(fields["completions"], "completions"),
              to_tokens(fields["promptOf"])};
  if (batch.completions.empty() || batch.prompt_of.size() != batch.completions.size()) {
    bad_argument("promptOf must have one index a completion, and there must be a completion");
  }
  for (const int64_t prompt : batch.prompt_of) {
    if (prompt < 0 || prompt >= static_cast<int64_t>(batch.prompts.size()))
      bad_argument("promptOf names no prompt");
  }
  return batch;
}

WhichModel read_which_model(const Napi::Value& value) {
  const std::string which = to_string(value);
  if (which == "policy") return WhichModel::kPolicy;
  if (which == "reference") return WhichModel::kReference;
  bad_argument("which must be policy or reference, not " + which);
}

double read_temperature(const Napi::Value& value) {
  const double temperature = to_number(value, "temperature");
  if (temperature <= 0) bad_argument("temperature must be above 0 to score at");
  return temperature;
}

AdamWOptions read_adamw_options(const Napi::Value& value) {
  const Fields fields(value);
  AdamWOptions options{};
  options.learning_rate = fields.number("learningRate");
  options.beta1 = fields.number("beta1");
  options.beta2 = fields.number("beta2");
  options.eps = fields.number("eps");
  options.weight_decay = fields.number("weightDecay");
  options.max_grad_norm = fields.number("maxGradNorm");
  for (const auto& name : to_vector(fields["noWeightDecay"], to_string)) options.no_weight_decay.insert(name);
  return options;
}

int64_t read_optimizer_steps(const Napi::Value& value) { return to_integer(value, "steps"); }

double read_alpha(const Napi::Value& value) { return to_number(value, "alpha"); }
double read_seconds(const Napi::Value& value) { return to_number(value, "seconds"); }

}  // namespace grpo
