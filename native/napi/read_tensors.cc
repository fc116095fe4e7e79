// Arguments that name tensors, or say where their bytes lie in a file.
#include "napi/arguments.h"
#include "napi/errors.h"
#include "napi/values.h"

namespace grpo {
namespace {

at::ScalarType read_dtype(const std::string& dtype) {
  if (dtype == "F32") return at::kFloat;
  if (dtype == "F16") return at::kHalf;
  if (dtype == "BF16") return at::kBFloat16;
  bad_argument("dtype must be F32, F16 or BF16");
}

TensorLocation read_tensor_location(const Napi::Value& value) {
  const Fields fields(value);
  const at::ScalarType dtype = read_dtype(fields.string("dtype"));
  const double begin = fields.number_within("begin", 0, kMaxSafeInteger);
  const double end = fields.number_within("end", 0, kMaxSafeInteger);
  if (end < begin) bad_argument("begin and end must be a range of bytes");
  return {fields.string("name"),        fields.string("file"),        dtype,
          to_integers(fields["shape"]), static_cast<uint64_t>(begin), static_cast<uint64_t>(end)};
}

NamedTensor read_named_tensor(const Napi::Value& value) {
  const Fields fields(value);
  return {to_string(fields["name"]), read_tensor_kind(fields["kind"])};
}

StoredTensor read_stored_tensor(const Napi::Value& value) {
  return {read_tensor_location(value), read_tensor_kind(Fields(value)["kind"])};
}

}  // namespace

TensorKind read_tensor_kind(const Napi::Value& value) {
  const std::string kind = to_string(value);
  if (kind == "weight") return TensorKind::kWeight;
  if (kind == "grad") return TensorKind::kGrad;
  if (kind == "exp_avg") return TensorKind::kExpAvg;
  if (kind == "exp_avg_sq") return TensorKind::kExpAvgSq;
  if (kind == "reference") return TensorKind::kReference;
  if (kind == "merged") return TensorKind::kMerged;
  bad_argument("kind must be weight, grad, exp_avg, exp_avg_sq, reference or merged, not " + kind);
}

std::vector<TensorLocation> read_tensor_locations(const Napi::Value& value) {
  return to_vector(value, read_tensor_location);
}

std::vector<NamedTensor> read_named_tensors(const Napi::Value& value) {
  return to_vector(value, read_named_tensor);
}

std::vector<StoredTensor> read_stored_tensors(const Napi::Value& value) {
  return to_vector(value, read_stored_tensor);
}

}  // namespace grpo
