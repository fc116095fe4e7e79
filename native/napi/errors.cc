#include "napi/errors.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <initializer_list>

namespace grpo {
namespace {

constexpr const char* kSeeTypes = "See the types in src/engine/types.ts.";

Error defect(const std::string& message) {
  return {"NATIVE_FAILURE", message, "This is a defect: report it with the command that led to it."};
}

bool holds_one_of(const std::string& text, std::initializer_list<const char*> parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](const char* part) { return text.find(part) != std::string::npos; });
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
  } catch (const c10::OutOfMemoryError& error) {
    return out_of_memory(error.what_without_backtrace());
  } catch (const c10::Error& error) {
    return error_of_libtorch(error.what_without_backtrace());
  } catch (const std::exception& error) {
    return error_of_libtorch(error.what());
  }
}

}  // namespace

Error error_of_libtorch(const std::string& message) {
  // An allocation failed: the system's, CUDA's, or within one of CUDA's libraries. (cublasCreate says that it
  // is not initialised where there is no memory for its handle.)
  if (holds_one_of(message, {"allocate memory", "out of memory", "OUT_OF_MEMORY", "STATUS_ALLOC_FAILED"}) ||
      (holds_one_of(message, {"CUBLAS_STATUS_NOT_INITIALIZED"}) && holds_one_of(message, {"cublasCreate"})) ||
      (holds_one_of(message, {"CUDNN_STATUS_INTERNAL_ERROR"}) && holds_one_of(message, {"alloc"})))
    return out_of_memory(message);
  if (holds_one_of(message, {"no kernel image is available", "cudaErrorNoKernelImageForDevice"})) {
    return {"DEVICE_MISSING", "this PyTorch has no code for this GPU: " + message,
            "Run `npx grpo-native setup` with a PyTorch that was built for it, or use --device cpu."};
  }
  // After these, each call of CUDA in this process fails. (Every message of CUDA ends in a word on
  // device-side assertions.)
  if (holds_one_of(message,
                   {"device-side assert triggered", "an illegal memory access", "an illegal instruction",
                    "unspecified launch failure", "misaligned address", "invalid program counter",
                    "hardware stack error", "operation not supported on global/shared address space",
                    "the launch timed out", "uncorrectable ECC error", "uncorrectable NVLink error",
                    "CUDNN_STATUS_EXECUTION_FAILED", "CUBLAS_STATUS_EXECUTION_FAILED"})) {
    return {"DEVICE_LOST", "the GPU is lost to this process: " + message,
            "Resume the run (--resume) in a new process. If it happens again, look for Xid in the output of "
            "`dmesg`; CUDA_LAUNCH_BLOCKING=1 names the operation."};
  }
  return defect(message);
}

void bad_argument(const std::string& message) { throw Error("BAD_ARGUMENT", message, kSeeTypes); }

Napi::Error to_error(Napi::Env env, const std::exception_ptr& thrown) {
  const Error error = coded(thrown);
  Napi::Error value = Napi::Error::New(env, std::string(error.what()));
  value.Set("code", Napi::String::New(env, error.code));
  value.Set("fix", Napi::String::New(env, error.fix));
  return value;
}

}  // namespace grpo
