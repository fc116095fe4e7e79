#include "napi/errors.h"

#include <c10/util/Exception.h>

#include "error.h"

namespace grpo {
namespace {

constexpr const char* kSeeTypes = "See the types in src/engine/types.ts.";

Error defect(const std::string& message) {
  return {"NATIVE_FAILURE", message, "This is a defect: report it with the command that led to it."};
}

// libtorch reports a failed allocation as an error like any other: only its text tells.
bool is_out_of_memory(const std::string& message) {
  return message.find("allocate memory") != std::string::npos ||
         message.find("out of memory") != std::string::npos;
}

Error coded(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& error) {
    return error;
  } catch (const Napi::Error& error) {  // a value of another type than was read
    return {"BAD_ARGUMENT", error.Message(), kSeeTypes};
  } catch (const std::bad_alloc&) {
    return out_of_memory("memory ran out");
  } catch (const c10::Error& error) {
    const std::string message = error.what_without_backtrace();
    return is_out_of_memory(message) ? out_of_memory(message) : defect(message);
  } catch (const std::exception& error) {
    return defect(error.what());
  }
}

}  // namespace

void bad_argument(const std::string& message) { throw Error("BAD_ARGUMENT", message, kSeeTypes); }

Napi::Error to_error(Napi::Env env, const std::exception_ptr& thrown) {
  const Error error = coded(thrown);
  Napi::Error value = Napi::Error::New(env, std::string(error.what()));
  value.Set("code", Napi::String::New(env, error.code));
  value.Set("fix", Napi::String::New(env, error.fix));
  return value;
}

}  // namespace grpo
