#include "napi/ranks.h"

#include <utility>

#include "napi/errors.h"
#include "napi/values.h"
#include "ranks/ranks.h"

namespace grpo {
namespace {

// Waits for the other ranks on a thread of libuv's pool.
class Gathering final : public Napi::AsyncWorker {
 public:
  Gathering(Napi::Env env, Bytes own, double seconds)
      : AsyncWorker(env),
        own_(std::move(own)),
        seconds_(seconds),
        deferred_(Napi::Promise::Deferred::New(env)) {}
  Napi::Promise promise() const { return deferred_.Promise(); }

 private:
  void Execute() override {
    try {
      all_ = Ranks::get().gather(own_, seconds_);
    } catch (...) {
      failure_ = std::current_exception();
    }
  }
  void OnOK() override {
    if (failure_) return deferred_.Reject(to_error(Env(), failure_).Value());
    auto result = Napi::Array::New(Env(), all_.size());
    for (uint32_t r = 0; r < all_.size(); ++r)
      result[r] = Napi::Buffer<uint8_t>::Copy(Env(), all_[r].data(), all_[r].size());
    deferred_.Resolve(result);
  }

  const Bytes own_;
  const double seconds_;
  std::vector<Bytes> all_;
  std::exception_ptr failure_;
  const Napi::Promise::Deferred deferred_;
};

Napi::Value start(const Napi::CallbackInfo& call) {
  return with_coded_errors(call.Env(), [&] {
    const Ranks& ranks = Ranks::start(to_string(call[0]));
    auto result = Napi::Object::New(call.Env());
    result.Set("rank", ranks.rank());
    result.Set("size", ranks.size());
    result.Set("library", ranks.library());
    return result;
  });
}

Napi::Value gather(const Napi::CallbackInfo& call) {
  return with_coded_errors(call.Env(), [&] {
    const std::string bytes = to_bytes(call[0]);
    auto* work = new Gathering(call.Env(), Bytes(bytes.begin(), bytes.end()), to_number(call[1], "seconds"));
    const auto promise = work->promise();
    work->Queue();
    return promise;
  });
}

void finish(const Napi::CallbackInfo& call) {
  with_coded_errors(call.Env(), [&]() -> void { Ranks::get().finish(); });
}

void abort(const Napi::CallbackInfo& call) {
  with_coded_errors(call.Env(),
                    [&]() -> void { Ranks::get().abort(static_cast<int>(to_integer(call[0], "code"))); });
}

}  // namespace

Napi::Object define_ranks(Napi::Env env) {
  auto ranks = Napi::Object::New(env);
  ranks.Set("start", Napi::Function::New<start>(env, "start"));
  ranks.Set("gather", Napi::Function::New<gather>(env, "gather"));
  ranks.Set("finish", Napi::Function::New<finish>(env, "finish"));
  ranks.Set("abort", Napi::Function::New<abort>(env, "abort"));
  return ranks;
}

}  // namespace grpo
