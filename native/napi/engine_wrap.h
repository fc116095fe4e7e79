// The JavaScript class `Engine`: hands calls to the engine's thread, and results back.
#pragma once
#include <napi.h>

#include <memory>
#include <set>

#include "engine/engine.h"
#include "engine/worker.h"

namespace grpo {

class EngineWrap;

// What the addon keeps for each environment: engines whose threads run.
struct AddonData {
  std::set<EngineWrap*> engines;
};

class EngineWrap : public Napi::ObjectWrap<EngineWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit EngineWrap(const Napi::CallbackInfo& info);
  ~EngineWrap() override;

  // Ends the thread and frees what it held; whatever is asked of the engine afterwards is refused.
  // For the collector, and for the end of the environment or of the process. Idempotent.
  void shut_down();

 private:
  // Makes the JavaScript value of a result; runs on the JavaScript thread.
  using Result = std::function<Napi::Value(Napi::Env)>;
  // Computes; runs on the engine's thread and may throw.
  using Work = std::function<Result(Engine&)>;

  // A call under way. Made and destroyed on the JavaScript thread.
  struct Call {
    explicit Call(EngineWrap* wrap, Napi::Env env) : wrap(wrap), deferred(env) {}
    EngineWrap* wrap;
    Napi::Promise::Deferred deferred;
    Result result;
    std::exception_ptr failure;
  };
  static void deliver(Napi::Env env, Napi::Function, EngineWrap* wrap, Call* call);
  using ResultQueue = Napi::TypedThreadSafeFunction<EngineWrap, Call, deliver>;

  Napi::Value enqueue(Napi::Env env, Work work);
  template <typename Prepare>
  Napi::Value queue(const Napi::CallbackInfo& call, Prepare prepare);
  void begin_call();
  void end_call();

  Napi::Value info(const Napi::CallbackInfo&);
  Napi::Value load(const Napi::CallbackInfo&);
  Napi::Value initialize(const Napi::CallbackInfo&);
  Napi::Value freeze_reference(const Napi::CallbackInfo&);
  Napi::Value mix_reference(const Napi::CallbackInfo&);
  Napi::Value sample_start(const Napi::CallbackInfo&);
  Napi::Value sample_next(const Napi::CallbackInfo&);
  Napi::Value sample_end(const Napi::CallbackInfo&);
  Napi::Value score(const Napi::CallbackInfo&);
  Napi::Value forward(const Napi::CallbackInfo&);
  Napi::Value backward(const Napi::CallbackInfo&);
  Napi::Value optimizer_step(const Napi::CallbackInfo&);
  Napi::Value zero_grad(const Napi::CallbackInfo&);
  Napi::Value logits(const Napi::CallbackInfo&);
  Napi::Value parameters(const Napi::CallbackInfo&);
  Napi::Value tensor(const Napi::CallbackInfo&);
  Napi::Value write_tensors(const Napi::CallbackInfo&);
  Napi::Value snapshot(const Napi::CallbackInfo&);
  Napi::Value read_tensors(const Napi::CallbackInfo&);
  Napi::Value reset_optimizer(const Napi::CallbackInfo&);
  Napi::Value set_optimizer_steps(const Napi::CallbackInfo&);
  Napi::Value limit_memory(const Napi::CallbackInfo&);
  Napi::Value memory(const Napi::CallbackInfo&);
  Napi::Value abort(const Napi::CallbackInfo&);
  Napi::Value dispose(const Napi::CallbackInfo&);

  const EngineOptions options_;
  std::unique_ptr<Engine> engine_;  // made, used and freed on the engine's thread
  std::unique_ptr<Worker> worker_;
  ResultQueue results_;
  int64_t calls_ = 0;
  bool disposed_ = false;
  Napi::Env::CleanupHook<std::function<void()>> hook_;
};

}  // namespace grpo
