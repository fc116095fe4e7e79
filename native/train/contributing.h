// Completions that contribute to the gradient.
#pragma once
#include <optional>
#include <vector>

#include "tree/forest.h"

namespace grpo {

struct Contributing {
  Batch batch;
  std::vector<float> d_logps;
};

// The part of the batch whose derivatives d_logps [completion tokens] are not all 0: a group with equal
// rewards has advantages of 0 and, without a KL penalty, contributes exactly nothing to the gradient.
// Nothing where so few completions can be left out that scoring the rest once more costs more than it saves.
std::optional<Contributing> contributing(const Batch& batch, const std::vector<float>& d_logps);

}  // namespace grpo
