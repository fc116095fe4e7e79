// The JavaScript class `Engine`: its thread, the queue of calls to it, and how both end.
#pragma once
#include <napi.h>

#include <memory>
#include <set>

#include "engine/worker.h"
#include "napi/engine_methods.h"

namespace grpo {

class EngineWrap;

// What the addon keeps for each environment (the main thread, each worker thread): engines whose threads run.
struct AddonData {
  std::set<EngineWrap*> engines;
};

class EngineWrap : public Napi::ObjectWrap<EngineWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit EngineWrap(const Napi::CallbackInfo& info);
  ~EngineWrap() override;

  // Ends the thread and frees what it held; whatever is asked of the engine afterwards is refused.
  // For the garbage collector, and for the end of the environment or of the process. Idempotent.
  void shut_down();

 private:
  // A call whose promise is not settled yet. Made and destroyed on the JavaScript thread.
  struct Call {
    explicit Call(EngineWrap* wrap, Napi::Env env) : wrap(wrap), deferred(env) {}
    EngineWrap* wrap;
    Napi::Promise::Deferred deferred;
    Result result;
    std::exception_ptr failure;
  };
  static void settle(Napi::Env env, Napi::Function, EngineWrap* wrap, Call* call);
  using ResultQueue = Napi::TypedThreadSafeFunction<EngineWrap, Call, settle>;

  // Every method of `engine_methods`.
  Napi::Value compute(const Napi::CallbackInfo& call);
  Napi::Value abort(const Napi::CallbackInfo& call);
  Napi::Value dispose(const Napi::CallbackInfo& call);

  // The promise of what `task` gives on the engine's thread.
  Napi::Promise post(Napi::Env env, std::function<Result()> task);
  void begin_call();
  void end_call();
  // For tasks: the engine, made by the first of them. Throws where they were aborted.
  Engine& engine();

  const EngineOptions options_;
  std::unique_ptr<Engine> engine_;  // made, used and freed on the engine's thread
  std::unique_ptr<Worker> worker_;
  ResultQueue results_;
  int64_t calls_ = 0;  // not settled yet
  bool disposed_ = false;
  Napi::Env::CleanupHook<std::function<void()>> hook_;
};

}  // namespace grpo
