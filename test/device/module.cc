// The device's library is a Node addon: `require` registers the device in the process.
#include <ATen/ATen.h>
#include <napi.h>

#include "checks.h"
#include "counters.h"
#include "memory.h"

namespace test_device {
namespace {

Napi::Number number(Napi::Env env, int64_t value) {
  return Napi::Number::New(env, static_cast<double>(value));
}

Napi::Value get_counters(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Counters counted = counters();
  Napi::Object by_name = Napi::Object::New(env), result = Napi::Object::New(env);
  int64_t operations = 0;
  for (const auto& [name, count] : counted.operations) {
    by_name[name] = number(env, count);
    operations += count;
  }
  result["operations"] = number(env, operations);
  result["operationsByName"] = by_name;
  result["hostToDevice"] = number(env, counted.host_to_device);
  result["deviceToHost"] = number(env, counted.device_to_host);
  result["bytesToDevice"] = number(env, counted.bytes_to_device);
  result["bytesToHost"] = number(env, counted.bytes_to_host);
  result["synchronizations"] = number(env, counted.synchronizations);
  return result;
}

void reset(const Napi::CallbackInfo&) { reset_counters(); }

void limit(const Napi::CallbackInfo& info) {
  limit_memory(static_cast<size_t>(info[0].As<Napi::Number>().Int64Value()));
}

Napi::Value allocated(const Napi::CallbackInfo& info) {
  return number(info.Env(), static_cast<int64_t>(bytes_allocated()));
}

// An exception of libtorch as one of JavaScript.
template <typename Work>
auto or_throw(Napi::Env env, Work work) {
  try {
    return work();
  } catch (const c10::Error& error) {
    throw Napi::Error::New(env, error.what_without_backtrace());
  }
}

Napi::Value dereference_here(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), dereference());
}

void mix_devices_here(const Napi::CallbackInfo& info) { or_throw(info.Env(), mix_devices); }

Napi::Value read_early_here(const Napi::CallbackInfo& info) {
  const auto [at_once, after_waiting] = or_throw(info.Env(), read_early);
  Napi::Object result = Napi::Object::New(info.Env());
  result["atOnce"] = Napi::Number::New(info.Env(), at_once);
  result["afterWaiting"] = Napi::Number::New(info.Env(), after_waiting);
  return result;
}

void write_early_here(const Napi::CallbackInfo& info) { or_throw(info.Env(), write_early); }

Napi::Object exports_of(Napi::Env env, Napi::Object exports) {
  exports["counters"] = Napi::Function::New(env, get_counters);
  exports["reset"] = Napi::Function::New(env, reset);
  exports["limit"] = Napi::Function::New(env, limit);
  exports["allocated"] = Napi::Function::New(env, allocated);
  exports["dereference"] = Napi::Function::New(env, dereference_here);
  exports["mixDevices"] = Napi::Function::New(env, mix_devices_here);
  exports["readEarly"] = Napi::Function::New(env, read_early_here);
  exports["writeEarly"] = Napi::Function::New(env, write_early_here);
  return exports;
}

}  // namespace
}  // namespace test_device

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  return test_device::exports_of(env, exports);
}
NODE_API_MODULE(grpo_test_device, Init)
