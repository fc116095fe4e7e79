#include "napi/engine_wrap.h"

#include "error.h"
#include "napi/arguments.h"
#include "napi/errors.h"

namespace grpo {

Napi::Function EngineWrap::define(Napi::Env env) {
  std::vector<PropertyDescriptor> methods{InstanceMethod<&EngineWrap::abort>("abort"),
                                          InstanceMethod<&EngineWrap::dispose>("dispose")};
  for (const Method& method : engine_methods()) {
    methods.push_back(
        InstanceMethod<&EngineWrap::compute>(method.name, napi_default,
                                             const_cast<Method*>(&method)));  // read back as const
  }
  return DefineClass(env, "Engine", methods);
}

// The methods

Napi::Value EngineWrap::compute(const Napi::CallbackInfo& call) {
  try {
    if (disposed_ || !worker_)
      throw Error("ENGINE_DISPOSED", "the engine was disposed of", "Load the model again.");
    const auto* method = static_cast<const Method*>(call.Data());
    return post(call.Env(), [this, work = method->prepare(call)] {
      Engine& engine = this->engine();
      const MatmulPrecision precision(engine.matmul_backend());
      return work(engine);
    });
  } catch (...) {  // wrong arguments, say: they too reject the promise
    const auto deferred = Napi::Promise::Deferred::New(call.Env());
    deferred.Reject(to_error(call.Env(), std::current_exception()).Value());
    return deferred.Promise();
  }
}

Napi::Value EngineWrap::abort(const Napi::CallbackInfo& call) {
  if (worker_) worker_->abort();
  return call.Env().Undefined();
}

Napi::Value EngineWrap::dispose(const Napi::CallbackInfo& call) {
  if (!worker_) {
    const auto deferred = Napi::Promise::Deferred::New(call.Env());
    deferred.Resolve(call.Env().Undefined());
    return deferred.Promise();
  }
  disposed_ = true;
  worker_->abort();
  return post(call.Env(), [this]() -> Result {
    engine_.reset();
    return undefined;
  });
}

// From the JavaScript thread to the engine's and back

Napi::Promise EngineWrap::post(Napi::Env env, std::function<Result()> task) {
  auto* call = new Call(this, env);
  const Napi::Promise promise = call->deferred.Promise();
  begin_call();
  worker_->post([this, call, task = std::move(task)] {
    try {
      call->result = task();
    } catch (...) {
      call->failure = std::current_exception();
    }
    results_.NonBlockingCall(call);
  });
  return promise;
}

Engine& EngineWrap::engine() {
  const auto check = [this] {
    if (worker_->aborted())
      throw Error("ABORTED", "the operation was aborted", "Start it again when you are ready.");
  };
  check();
  if (!engine_) engine_ = std::make_unique<Engine>(options_, check);
  return *engine_;
}

void EngineWrap::settle(Napi::Env env, Napi::Function, EngineWrap*, Call* call) {
  const std::unique_ptr<Call> owned(call);
  if (env == nullptr) return;  // the environment is ending: nobody waits for the promise any more
  const Napi::HandleScope scope(env);
  try {
    if (!call->failure) {
      try {
        call->deferred.Resolve(call->result(env));
      } catch (...) {  // a result too large for a typed array, say
        call->failure = std::current_exception();
      }
    }
    if (call->failure) call->deferred.Reject(to_error(env, call->failure).Value());
  } catch (const Napi::Error&) {
    // A worker thread is being terminated: no call into its environment succeeds any more.
  }
  call->wrap->end_call();
}

// Lifetime

EngineWrap::EngineWrap(const Napi::CallbackInfo& info)
    : ObjectWrap(info),
      options_(with_coded_errors(info.Env(), [&] { return read_engine_options(info[0]); })),
      worker_(std::make_unique<Worker>()),
      results_(ResultQueue::New(info.Env(), "grpo-native engine", 0, 1, this)) {
  results_.Unref(info.Env());  // an idle engine does not keep the process alive
  // Added after the result queue's own hook, so it runs before it: the thread has ended when the queue
  // closes.
  hook_ = info.Env().AddCleanupHook(std::function<void()>([this] { shut_down(); }));
  info.Env().GetInstanceData<AddonData>()->engines.insert(this);
}

EngineWrap::~EngineWrap() {
  if (!worker_) return;
  hook_.Remove(Env());
  shut_down();
  results_.Release();
}

void EngineWrap::shut_down() {
  if (!worker_) return;
  worker_->abort();
  worker_->post([this] { engine_.reset(); });
  worker_->stop();  // joins the thread first: the running task still reads worker_
  worker_.reset();
  Env().GetInstanceData<AddonData>()->engines.erase(this);
}

void EngineWrap::begin_call() {
  if (calls_++ > 0) return;
  Ref();  // with calls under way, neither garbage collection nor an empty event loop ends the engine
  results_.Ref(Env());
}

void EngineWrap::end_call() {
  if (--calls_ > 0) return;
  results_.Unref(Env());
  if (disposed_ && worker_) {
    shut_down();  // the thread is idle: it is joined at once
    hook_.Remove(Env());
    results_.Release();
  }
  Unref();
}

}  // namespace grpo
