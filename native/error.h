// The one exception type of the native code; napi/errors turns it into a JavaScript error with the same
// fields.
#pragma once
#include <stdexcept>
#include <string>
#include <utility>

namespace grpo {

struct Error : std::runtime_error {
  Error(std::string code, const std::string& message, std::string fix)
      : std::runtime_error(message), code(std::move(code)), fix(std::move(fix)) {}
  std::string code;
  std::string fix;
};

inline Error out_of_memory(const std::string& message) {
  return {"OUT_OF_MEMORY", message,
          "Use a smaller model, batch_size or max_completion_length, or beta 0 (no reference is held)."};
}

}  // namespace grpo
