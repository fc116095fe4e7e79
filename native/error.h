// The one exception of the engine; napi/ turns it into a JavaScript error with the same fields.
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

}  // namespace grpo
