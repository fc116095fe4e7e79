#include "napi/engine_wrap.h"

#include "error.h"
#include "napi/convert.h"
#include "napi/snapshot.h"

namespace grpo {
namespace {

Napi::Value undefined(Napi::Env env) { return env.Undefined(); }

// A result that is held until the JavaScript thread asks for it.
template <typename T>
std::function<Napi::Value(Napi::Env)> value_of(T result) {
  return [held = std::make_shared<T>(std::move(result))](Napi::Env env) { return to_value(env, *held); };
}

std::function<Napi::Value(Napi::Env)> floats(std::vector<float> values) {
  return [held = std::make_shared<std::vector<float>>(std::move(values))](Napi::Env env) -> Napi::Value {
    return to_typed_array<Napi::Float32Array>(env, *held);
  };
}

}  // namespace

Napi::Function EngineWrap::define(Napi::Env env) {
  return DefineClass(env, "Engine",
                     {InstanceMethod<&EngineWrap::info>("info"),
                      InstanceMethod<&EngineWrap::load>("load"),
                      InstanceMethod<&EngineWrap::initialize>("initialize"),
                      InstanceMethod<&EngineWrap::freeze_reference>("freezeReference"),
                      InstanceMethod<&EngineWrap::mix_reference>("mixReference"),
                      InstanceMethod<&EngineWrap::sample_start>("sampleStart"),
                      InstanceMethod<&EngineWrap::sample_next>("sampleNext"),
                      InstanceMethod<&EngineWrap::sample_end>("sampleEnd"),
                      InstanceMethod<&EngineWrap::score>("score"),
                      InstanceMethod<&EngineWrap::forward>("forward"),
                      InstanceMethod<&EngineWrap::backward>("backward"),
                      InstanceMethod<&EngineWrap::optimizer_step>("optimizerStep"),
                      InstanceMethod<&EngineWrap::zero_grad>("zeroGrad"),
                      InstanceMethod<&EngineWrap::logits>("logits"),
                      InstanceMethod<&EngineWrap::parameters>("parameters"),
                      InstanceMethod<&EngineWrap::tensor>("tensor"),
                      InstanceMethod<&EngineWrap::write_tensors>("writeTensors"),
                      InstanceMethod<&EngineWrap::snapshot>("snapshot"),
                      InstanceMethod<&EngineWrap::read_tensors>("readTensors"),
                      InstanceMethod<&EngineWrap::set_optimizer_steps>("setOptimizerSteps"),
                      InstanceMethod<&EngineWrap::reset_optimizer>("resetOptimizer"),
                      InstanceMethod<&EngineWrap::limit_memory>("limitMemory"),
                      InstanceMethod<&EngineWrap::memory>("memory"),
                      InstanceMethod<&EngineWrap::abort>("abort"),
                      InstanceMethod<&EngineWrap::dispose>("dispose")});
}

namespace {
EngineOptions options_of(const Napi::CallbackInfo& info) {
  try {
    return to_engine_options(info[0].As<Napi::Object>());
  } catch (...) {
    throw to_error(info.Env(), std::current_exception());
  }
}
}  // namespace

EngineWrap::EngineWrap(const Napi::CallbackInfo& info)
    : ObjectWrap(info),
      options_(options_of(info)),
      worker_(std::make_unique<Worker>()),
      results_(ResultQueue::New(info.Env(), "grpo-native engine", 0, 1, this)) {
  results_.Unref(info.Env());  // an idle engine keeps no process alive
  // Added after the queue's own hook, so it runs before it: the thread is gone when the queue goes.
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
  worker_->stop();  // joined before the pointer goes, which the running task asks through
  worker_.reset();
  Env().GetInstanceData<AddonData>()->engines.erase(this);
}

void EngineWrap::begin_call() {
  if (calls_++ > 0) return;
  Ref();  // neither the collector nor the end of the event loop takes an engine that works
  results_.Ref(Env());
}

void EngineWrap::end_call() {
  if (--calls_ > 0) return;
  results_.Unref(Env());
  if (disposed_ && worker_) {
    shut_down();  // idle, so this joins at once
    hook_.Remove(Env());
    results_.Release();
  }
  Unref();
}

void EngineWrap::deliver(Napi::Env env, Napi::Function, EngineWrap*, Call* call) {
  const std::unique_ptr<Call> owned(call);
  if (env == nullptr) return;  // the environment is going: nobody is left to hear
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
    // A worker thread is being terminated: no call of its environment succeeds any more.
  }
  call->wrap->end_call();
}

Napi::Value EngineWrap::enqueue(Napi::Env env, Work work) {
  auto* call = new Call(this, env);
  const Napi::Promise promise = call->deferred.Promise();
  begin_call();
  worker_->post([this, call, work = std::move(work)] {
    try {
      const auto check = [this] {
        if (worker_->aborted())
          throw Error("ABORTED", "the operation was aborted", "Start it again when you are ready.");
      };
      check();
      if (!engine_) engine_ = std::make_unique<Engine>(options_, check);
      call->result = work(*engine_);
    } catch (...) {
      call->failure = std::current_exception();
    }
    results_.NonBlockingCall(call);
  });
  return promise;
}

namespace {
Napi::Value rejected(Napi::Env env, const std::exception_ptr& thrown) {
  const auto deferred = Napi::Promise::Deferred::New(env);
  deferred.Reject(to_error(env, thrown).Value());
  return deferred.Promise();
}
}  // namespace

// Reads the arguments on the JavaScript thread (`prepare`), then queues the work that it gives.
// What is wrong with either rejects the promise.
template <typename Prepare>
Napi::Value EngineWrap::queue(const Napi::CallbackInfo& call, Prepare prepare) {
  try {
    if (disposed_ || !worker_)
      throw Error("ENGINE_DISPOSED", "the engine was disposed of", "Load the model again.");
    return enqueue(call.Env(), prepare());
  } catch (...) {
    return rejected(call.Env(), std::current_exception());
  }
}

Napi::Value EngineWrap::info(const Napi::CallbackInfo& call) {
  return queue(call, [&]() -> Work { return [](Engine& engine) { return value_of(engine.info()); }; });
}

Napi::Value EngineWrap::load(const Napi::CallbackInfo& call) {
  return queue(call, [&]() -> Work {
    return [config = to_model_config(call[0].As<Napi::Object>()),
            tensors = to_vector(call[1], to_tensor_location)](Engine& engine) -> Result {
      engine.load(config, tensors);
      return undefined;
    };
  });
}

Napi::Value EngineWrap::initialize(const Napi::CallbackInfo& call) {
  return queue(call, [&]() -> Work {
    return [config = to_model_config(call[0].As<Napi::Object>()),
            seed = static_cast<uint64_t>(to_integer(call[1], "seed"))](Engine& engine) -> Result {
      engine.initialize(config, seed);
      return undefined;
    };
  });
}

Napi::Value EngineWrap::freeze_reference(const Napi::CallbackInfo& call) {
  return queue(call, [&]() -> Work {
    return [](Engine& engine) -> Result {
      engine.freeze_reference();
      return undefined;
    };
  });
}

Napi::Value EngineWrap::mix_reference(const Napi::CallbackInfo& call) {
  return queue(call, [&]() -> Work {
    return [alpha = to_number(call[0], "alpha")](Engine& engine) -> Result {
      engine.mix_reference(alpha);
      return undefined;
    };
  });
}

Napi::Value EngineWrap::sample_start(const Napi::CallbackInfo& call) {
  return queue(call, [&]() -> Work {
    return [request = to_sample_request(call[0].As<Napi::Object>())](Engine& engine) -> Result {
      engine.sample_start(request);
      return undefined;
    };
  });
}

Napi::Value EngineWrap::sample_next(const Napi::CallbackInfo& call) {
  return queue(call, [&]() -> Work {
    return [stopped = to_tokens(call[0])](Engine& engine) { return value_of(engine.sample_next(stopped)); };
  });
}

Napi::Value EngineWrap::sample_end(const Napi::CallbackInfo& call) {
  return queue(call, [&]() -> Work {
    return [](Engine& engine) -> Result {
      engine.sample_end();
      return undefined;
    };
  });
}

Napi::Value EngineWrap::score(const Napi::CallbackInfo& call) {
  return queue(call, [&]() -> Work {
    return [batch = to_batch(call[0].As<Napi::Object>()), reference = to_is_reference(call[1]),
            temperature = to_temperature(call[2])](Engine& engine) {
      return value_of(engine.score(batch, reference, temperature));
    };
  });
}

Napi::Value EngineWrap::forward(const Napi::CallbackInfo& call) {
  return queue(call, [&]() -> Work {
    return [batch = to_batch(call[0].As<Napi::Object>()), temperature = to_temperature(call[1])](
               Engine& engine) { return value_of(engine.forward(batch, temperature)); };
  });
}

Napi::Value EngineWrap::backward(const Napi::CallbackInfo& call) {
  return queue(call, [&]() -> Work {
    return [d_logps = to_floats(call[0]), d_entropies = to_floats(call[1])](Engine& engine) -> Result {
      engine.backward(d_logps, d_entropies);
      return undefined;
    };
  });
}

Napi::Value EngineWrap::optimizer_step(const Napi::CallbackInfo& call) {
  return queue(call, [&]() -> Work {
    return [options = to_adamw_options(call[0].As<Napi::Object>())](Engine& engine) -> Result {
      const double norm = engine.optimizer_step(options);
      return [norm](Napi::Env env) -> Napi::Value { return Napi::Number::New(env, norm); };
    };
  });
}

Napi::Value EngineWrap::zero_grad(const Napi::CallbackInfo& call) {
  return queue(call, [&]() -> Work {
    return [](Engine& engine) -> Result {
      engine.zero_grad();
      return undefined;
    };
  });
}

Napi::Value EngineWrap::logits(const Napi::CallbackInfo& call) {
  return queue(call, [&]() -> Work {
    return [ids = to_tokens(call[0])](Engine& engine) { return floats(engine.logits(ids)); };
  });
}

Napi::Value EngineWrap::parameters(const Napi::CallbackInfo& call) {
  return queue(call, [&]() -> Work {
    return [](Engine& engine) -> Result {
      std::vector<std::pair<std::string, std::vector<int64_t>>> list;
      for (const auto& parameter : engine.parameters()) list.emplace_back(parameter.name, parameter.shape);
      return [list](Napi::Env env) -> Napi::Value {
        auto array = Napi::Array::New(env, list.size());
        for (uint32_t i = 0; i < list.size(); ++i) {
          auto shape = Napi::Array::New(env, list[i].second.size());
          for (uint32_t d = 0; d < list[i].second.size(); ++d)
            shape.Set(d, static_cast<double>(list[i].second[d]));
          auto object = Napi::Object::New(env);
          object.Set("name", list[i].first);
          object.Set("shape", shape);
          array.Set(i, object);
        }
        return array;
      };
    };
  });
}

Napi::Value EngineWrap::tensor(const Napi::CallbackInfo& call) {
  return queue(call, [&]() -> Work {
    return [name = call[0].ToString().Utf8Value(), kind = to_tensor_kind(call[1])](Engine& engine) {
      const at::Tensor tensor = engine.tensor(name, kind).to(at::kCPU, at::kFloat).contiguous();
      return floats({tensor.const_data_ptr<float>(), tensor.const_data_ptr<float>() + tensor.numel()});
    };
  });
}

namespace {
struct NamedKind {
  std::string name;
  TensorKind kind;
};
NamedKind to_named_kind(const Napi::Object& object) {
  return {object.Get("name").ToString(), to_tensor_kind(object.Get("kind"))};
}
std::pair<TensorLocation, TensorKind> to_located_kind(const Napi::Object& object) {
  return {to_tensor_location(object), to_tensor_kind(object.Get("kind"))};
}
}  // namespace

Napi::Value EngineWrap::write_tensors(const Napi::CallbackInfo& call) {
  return queue(call, [&]() -> Work {
    return [file = call[0].ToString().Utf8Value(), header = to_bytes(call[1]),
            names = to_vector(call[2], to_named_kind)](Engine& engine) -> Result {
      std::vector<at::Tensor> tensors;
      for (const auto& [name, kind] : names) tensors.push_back(engine.tensor(name, kind));
      grpo::write_tensors(file, header, tensors);
      return undefined;
    };
  });
}

Napi::Value EngineWrap::snapshot(const Napi::CallbackInfo& call) {
  return queue(call, [&]() -> Work {
    return [names = to_vector(call[0], to_named_kind)](Engine& engine) -> Result {
      auto tensors = std::make_shared<std::vector<at::Tensor>>();
      for (const auto& [name, kind] : names) tensors->push_back(engine.copy(name, kind));
      return [tensors](Napi::Env env) { return snapshot_object(env, tensors); };
    };
  });
}

Napi::Value EngineWrap::read_tensors(const Napi::CallbackInfo& call) {
  return queue(call, [&]() -> Work {
    return [tensors = to_vector(call[0], to_located_kind)](Engine& engine) -> Result {
      engine.read_tensors(tensors);
      return undefined;
    };
  });
}

Napi::Value EngineWrap::set_optimizer_steps(const Napi::CallbackInfo& call) {
  return queue(call, [&]() -> Work {
    return [steps = to_integer(call[0], "steps")](Engine& engine) -> Result {
      engine.set_optimizer_steps(steps);
      return undefined;
    };
  });
}

Napi::Value EngineWrap::reset_optimizer(const Napi::CallbackInfo& call) {
  return queue(call, [&]() -> Work {
    return [](Engine& engine) -> Result {
      engine.reset_optimizer();
      return undefined;
    };
  });
}

Napi::Value EngineWrap::limit_memory(const Napi::CallbackInfo& call) {
  return queue(call, [&]() -> Work {
    return [more = to_integer(call[0], "bytes")](Engine& engine) -> Result {
      engine.limit_memory(more);
      return undefined;
    };
  });
}

Napi::Value EngineWrap::memory(const Napi::CallbackInfo& call) {
  return queue(call, [&]() -> Work { return [](Engine& engine) { return value_of(engine.memory()); }; });
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
  auto* last = new Call(this, call.Env());
  const Napi::Promise promise = last->deferred.Promise();
  begin_call();
  worker_->post([this, last] {
    engine_.reset();
    last->result = undefined;
    results_.NonBlockingCall(last);
  });
  return promise;
}

}  // namespace grpo
