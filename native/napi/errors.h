// C++ exceptions as JavaScript errors that carry `code` and `fix`.
#pragma once
#include <napi.h>

#include <exception>
#include <string>

#include "error.h"

namespace grpo {

// What an error of libtorch means, by its text: few have a type of their own.
Error error_of_libtorch(const std::string& message);

// For an argument that the types of TypeScript don't allow.
[[noreturn]] void bad_argument(const std::string& message);

// The JavaScript error for whatever was thrown. On the JavaScript thread.
Napi::Error to_error(Napi::Env env, const std::exception_ptr& thrown);

// For functions that JavaScript calls and that return no promise: whatever `body` throws is thrown on as
// `to_error` makes it.
template <typename Body>
auto with_coded_errors(Napi::Env env, Body body) {
  try {
    return body();
  } catch (...) {
    throw to_error(env, std::current_exception());
  }
}

}  // namespace grpo
