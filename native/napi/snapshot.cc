#include "napi/snapshot.h"

#include <optional>

#include "error.h"
#include "io/tensor_file.h"
#include "napi/errors.h"
#include "napi/values.h"

namespace grpo {
namespace {

// Empty once the snapshot was released: garbage collection may come much later.
using Held = std::optional<Snapshot>;
using External = Napi::External<Held>;

constexpr napi_type_tag kTag{0x6772706f2d6e6174, 0x736e617073686f74};
constexpr const char* kTensors = "tensors";

// Of an object that `to_value` made.
Held& held_by(const Napi::Value& value) {
  const auto object = value.As<Napi::Object>();
  const auto held = object.IsObject() ? object.Get(kTensors) : Napi::Value();
  if (held.IsEmpty() || !held.IsExternal() || !held.As<External>().CheckTypeTag(&kTag))
    throw Error("BAD_ARGUMENT", "this is not a snapshot", "Give what snapshot() gave.");
  return *held.As<External>().Data();
}

Napi::Value release(const Napi::CallbackInfo& call) {
  return with_coded_errors(call.Env(), [&] {
    held_by(call.This()).reset();
    return call.Env().Undefined();
  });
}

// Writes on a thread of libuv's pool.
class Writing final : public Napi::AsyncWorker {
 public:
  Writing(Napi::Env env, std::string file, std::string header, std::vector<at::Tensor> tensors)
      : AsyncWorker(env),
        file_(std::move(file)),
        header_(std::move(header)),
        tensors_(std::move(tensors)),
        deferred_(Napi::Promise::Deferred::New(env)) {}
  Napi::Promise promise() const { return deferred_.Promise(); }

 private:
  void Execute() override {
    try {
      write_tensors(file_, header_, tensors_);
    } catch (...) {
      failure_ = std::current_exception();
    }
    tensors_.clear();
  }
  void OnOK() override {
    if (failure_) {
      deferred_.Reject(to_error(Env(), failure_).Value());
    } else {
      deferred_.Resolve(Env().Undefined());
    }
  }

  const std::string file_, header_;
  std::vector<at::Tensor> tensors_;
  std::exception_ptr failure_;
  const Napi::Promise::Deferred deferred_;
};

}  // namespace

Napi::Value to_value(Napi::Env env, const Snapshot& snapshot) {
  double bytes = 0;
  for (const auto& tensor : snapshot.tensors) bytes += static_cast<double>(tensor.nbytes());
  auto external = External::New(env, new Held(snapshot), [](Napi::Env, Held* held) { delete held; });
  external.TypeTag(&kTag);
  auto object = Napi::Object::New(env);
  object.Set("bytes", bytes);
  object.DefineProperty(Napi::PropertyDescriptor::Value(kTensors, external));
  object.Set("release", Napi::Function::New<release>(env));
  return object;
}

Napi::Value write_snapshot(const Napi::CallbackInfo& call) {
  return with_coded_errors(call.Env(), [&] {
    const Held& snapshot = held_by(call[0]);
    if (!snapshot) throw Error("BAD_ARGUMENT", "the snapshot was released", "Write it before.");
    std::vector<at::Tensor> tensors;
    for (const int64_t index : to_tokens(call[3])) {
      if (index < 0 || index >= static_cast<int64_t>(snapshot->tensors.size()))
        throw Error("BAD_ARGUMENT", "the snapshot has no tensor " + std::to_string(index),
                    "Give indices of the tensors that snapshot() was given.");
      tensors.push_back(snapshot->tensors[index]);
    }
    auto* writing = new Writing(call.Env(), to_string(call[1]), to_bytes(call[2]), std::move(tensors));
    const Napi::Promise promise = writing->promise();
    writing->Queue();
    return Napi::Value(promise);
  });
}

}  // namespace grpo
