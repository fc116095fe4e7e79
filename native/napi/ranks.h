// `ranks` of the addon: the processes that train together, for JavaScript.
#pragma once
#include <napi.h>

namespace grpo {

Napi::Object define_ranks(Napi::Env env);

}  // namespace grpo
