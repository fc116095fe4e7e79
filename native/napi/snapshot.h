// The JavaScript class of a snapshot: tensors as they were, which are written without the engine.
#pragma once
#include <ATen/ATen.h>
#include <napi.h>

#include <memory>
#include <vector>

namespace grpo {

using Tensors = std::shared_ptr<std::vector<at::Tensor>>;

// { bytes, release() }
Napi::Value snapshot_object(Napi::Env env, const Tensors& tensors);

// writeSnapshot(snapshot, file, header, indices) -> Promise
Napi::Value write_snapshot(const Napi::CallbackInfo& info);

}  // namespace grpo
