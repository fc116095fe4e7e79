#include "napi/values.h"

#include <cmath>

#include "napi/errors.h"

namespace grpo {
namespace {

template <typename Array>
Array typed_array(const Napi::Value& value, napi_typedarray_type type, const std::string& otherwise) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) bad_argument(otherwise);
  return value.As<Array>();
}

}  // namespace

double to_number(const Napi::Value& value, const char* name) {
  if (!value.IsNumber() || !std::isfinite(value.As<Napi::Number>().DoubleValue())) {
    bad_argument(std::string(name) + " must be a finite number");
  }
  return value.As<Napi::Number>().DoubleValue();
}

int64_t to_integer(const Napi::Value& value, const char* name) {
  const double number = to_number(value, name);
  // Converting a double that does not fit into int64_t is undefined behaviour.
  if (std::abs(number) > kMaxSafeInteger) bad_argument(std::string(name) + " is out of range");
  return static_cast<int64_t>(number);
}

bool to_boolean(const Napi::Value& value) { return value.ToBoolean(); }

std::string to_string(const Napi::Value& value) { return value.ToString(); }

Tokens to_tokens(const Napi::Value& value) {
  const auto array = typed_array<Napi::Int32Array>(value, napi_int32_array, "expected an Int32Array");
  return {array.Data(), array.Data() + array.ElementLength()};
}

std::vector<float> to_floats(const Napi::Value& value) {
  if (value.IsNull() || value.IsUndefined()) return {};
  const auto array = typed_array<Napi::Float32Array>(value, napi_float32_array, "expected a Float32Array");
  return {array.Data(), array.Data() + array.ElementLength()};
}

std::vector<double> to_doubles(const Napi::Value& value, const char* name) {
  const auto array = typed_array<Napi::Float64Array>(value, napi_float64_array,
                                                     std::string(name) + " must be a Float64Array");
  return {array.Data(), array.Data() + array.ElementLength()};
}

std::string to_bytes(const Napi::Value& value) {
  const auto array = typed_array<Napi::Uint8Array>(value, napi_uint8_array, "expected a Uint8Array");
  return {reinterpret_cast<const char*>(array.Data()), array.ByteLength()};
}

std::vector<int64_t> to_integers(const Napi::Value& value) {
  return to_vector<int64_t>(value,
                            [](const Napi::Value& item) { return item.As<Napi::Number>().Int64Value(); });
}

std::vector<Tokens> to_sequences(const Napi::Value& value, const char* name) {
  auto sequences = to_vector(value, to_tokens);
  for (size_t i = 0; i < sequences.size(); ++i) {
    if (sequences[i].empty()) bad_argument(std::string(name) + "[" + std::to_string(i) + "] is empty");
  }
  return sequences;
}

double Fields::number_within(const char* key, double least, double most) const {
  const double value = number(key);
  if (value < least || value > most) bad_argument(std::string(key) + " is out of range");
  return value;
}

std::string Fields::string(const char* key) const {
  const Napi::Value value = (*this)[key];
  if (!value.IsString()) bad_argument(std::string(key) + " must be a string");
  return value.As<Napi::String>();
}

}  // namespace grpo
