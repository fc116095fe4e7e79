// The JavaScript object of a snapshot: copies of tensors, which are written to a file without the engine.
#pragma once
#include <napi.h>

#include "engine/engine.h"

namespace grpo {

// TensorSnapshot of src/engine/types.ts: { bytes, release() }
Napi::Value to_value(Napi::Env env, const Snapshot& snapshot);

// writeSnapshot(snapshot, file, header, indices) -> Promise
Napi::Value write_snapshot(const Napi::CallbackInfo& call);

}  // namespace grpo
