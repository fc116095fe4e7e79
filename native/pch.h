// Precompiled for all files: parsing libtorch's headers takes some twenty seconds.
#pragma once
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <napi.h>

#include <atomic>
#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>
