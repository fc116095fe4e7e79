#include "napi/snapshot.h"

#include "error.h"
#include "io/tensor_file.h"
#include "napi/convert.h"

namespace grpo {
namespace {

constexpr napi_type_tag kTag{0x6772706f2d6e6174, 0x736e617073686f74};
constexpr const char* kTensors = "tensors";

// Of the object that snapshot_object made; null once it was released.
Tensors tensors_of(const Napi::Value& value) {
  const auto object = value.As<Napi::Object>();
  const auto held = object.IsObject() ? object.Get(kTensors) : Napi::Value();
  if (held.IsEmpty() || !held.IsExternal() || !held.As<Napi::External<Tensors>>().CheckTypeTag(&kTag))
    throw Error("BAD_ARGUMENT", "this is no snapshot", "Give what snapshot() gave.");
  return *held.As<Napi::External<Tensors>>().Data();
}

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

Napi::Value snapshot_object(Napi::Env env, const Tensors& tensors) {
  double bytes = 0;
  for (const auto& tensor : *tensors) bytes += static_cast<double>(tensor.nbytes());
  // Held by a pointer that `release` empties: the collector is in no hurry.
  auto external =
      Napi::External<Tensors>::New(env, new Tensors(tensors), [](Napi::Env, Tensors* held) { delete held; });
  external.TypeTag(&kTag);
  auto object = Napi::Object::New(env);
  object.Set("bytes", bytes);
  object.DefineProperty(Napi::PropertyDescriptor::Value(kTensors, external));
  object.Set("release", Napi::Function::New(env, [](const Napi::CallbackInfo& info) {
               const auto held = info.This().As<Napi::Object>().Get(kTensors).As<Napi::External<Tensors>>();
               held.Data()->reset();
             }));
  return object;
}

Napi::Value write_snapshot(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  try {
    const Tensors all = tensors_of(info[0]);
    if (!all) throw Error("BAD_ARGUMENT", "the snapshot was released", "Write it before.");
    std::vector<at::Tensor> tensors;
    for (const int64_t index : to_tokens(info[3])) {
      if (index < 0 || index >= static_cast<int64_t>(all->size()))
        throw Error("BAD_ARGUMENT", "the snapshot has no tensor " + std::to_string(index),
                    "Give indices of the tensors that snapshot() was given.");
      tensors.push_back((*all)[index]);
    }
    auto* writing = new Writing(env, info[1].ToString().Utf8Value(), to_bytes(info[2]), std::move(tensors));
    const Napi::Promise promise = writing->promise();
    writing->Queue();
    return promise;
  } catch (const std::exception&) {
    throw to_error(env, std::current_exception());
  }
}

}  // namespace grpo
