// The methods of the JavaScript class `Engine` that compute (see NativeEngine in src/engine/types.ts).
#pragma once
#include <napi.h>

#include <functional>
#include <span>

#include "engine/engine.h"

namespace grpo {

// Makes the JavaScript value of what was computed; runs on the JavaScript thread.
using Result = std::function<Napi::Value(Napi::Env)>;
// Computes; runs on the engine's thread and may throw.
using Work = std::function<Result(Engine&)>;

struct Method {
  const char* name;
  // Reads the call's arguments; runs on the JavaScript thread and may throw.
  Work (*prepare)(const Napi::CallbackInfo& call);
};

std::span<const Method> engine_methods();

// The result of a method that gives nothing.
inline Napi::Value undefined(Napi::Env env) { return env.Undefined(); }

}  // namespace grpo
