// Single JavaScript values, checked and converted: numbers, strings, arrays, and the fields of an object.
// On the JavaScript thread only. What is wrong throws BAD_ARGUMENT.
#pragma once
#include <napi.h>

#include <string>
#include <vector>

#include "tree/forest.h"

namespace grpo {

// Whole numbers up to here are exact in JavaScript (Number.MAX_SAFE_INTEGER).
inline constexpr double kMaxSafeInteger = 9007199254740991;

double to_number(const Napi::Value& value, const char* name);    // finite
int64_t to_integer(const Napi::Value& value, const char* name);  // rounded towards 0
std::string to_string(const Napi::Value& value);                 // as JavaScript's String(value)
bool to_boolean(const Napi::Value& value);                       // as JavaScript's Boolean(value)

Tokens to_tokens(const Napi::Value& value);                                  // Int32Array
std::vector<float> to_floats(const Napi::Value& value);                      // Float32Array, or null for none
std::vector<double> to_doubles(const Napi::Value& value, const char* name);  // Float64Array
std::string to_bytes(const Napi::Value& value);                              // Uint8Array

std::vector<int64_t> to_integers(const Napi::Value& value);  // array of numbers
std::vector<Tokens> to_sequences(const Napi::Value& value,
                                 const char* name);  // array of Int32Arrays, none empty

// An array, each item read by `read`.
template <typename Item>
std::vector<Item> to_vector(const Napi::Value& value, Item (*read)(const Napi::Value&)) {
  const auto array = value.As<Napi::Array>();
  std::vector<Item> items;
  for (uint32_t i = 0; i < array.Length(); ++i) items.push_back(read(array.Get(i)));
  return items;
}

// The fields of a JavaScript object.
class Fields {
 public:
  explicit Fields(const Napi::Value& value) : object_(value.As<Napi::Object>()) {}

  Napi::Value operator[](const char* key) const { return object_.Get(key); }
  double number(const char* key) const { return to_number((*this)[key], key); }
  // Within [least, most], both included.
  double number_within(const char* key, double least, double most) const;
  int64_t integer(const char* key) const { return to_integer((*this)[key], key); }
  // At least 1.
  int64_t size(const char* key) const { return static_cast<int64_t>(number_within(key, 1, 1e12)); }
  bool boolean(const char* key) const { return to_boolean((*this)[key]); }
  // Of type string already.
  std::string string(const char* key) const;

 private:
  const Napi::Object object_;
};

}  // namespace grpo
