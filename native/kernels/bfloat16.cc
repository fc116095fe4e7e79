#include "kernels/bfloat16.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <mutex>

#include "kernels/product.h"

namespace grpo {
namespace {

// Rows of a step's products: few as in sampling, many as in training.
constexpr std::array<int64_t, 4> kRows{16, 64, 128, 256};
constexpr int kRepeats = 3;

// Weights and gradients of a layer, one after another, as a step meets them.
class Layers {
 public:
  Layers(at::ScalarType type, const MatmulShape& shape)
      : weights_(at::rand({shape.layers, shape.out, shape.in}).to(type)),
        grads_(at::zeros(weights_.sizes())) {}
  void next() { layer_ = (layer_ + 1) % weights_.size(0); }
  at::Tensor weight() const { return weights_.select(0, layer_); }
  at::Tensor grad() const { return grads_.select(0, layer_); }

 private:
  at::Tensor weights_, grads_;
  int64_t layer_ = 0;
};

// Seconds, the least of some.
template <class Work>
double seconds(Layers& layers, const Work& work) {
  double best = 0;
  for (int repeat = 0; repeat <= kRepeats; ++repeat) {
    layers.next();
    const auto start = std::chrono::steady_clock::now();
    work();
    const double time = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (repeat > 0) best = repeat == 1 ? time : std::min(best, time);  // the first one compiles
  }
  return best;
}

// A kind of product, by each of two means.
struct Means {
  double kernel, library;
};

Means forward(Layers& layers, const at::Tensor& x) {
  at::Tensor y = at::empty({x.size(0), layers.weight().size(0)}, x.options());
  const double library = seconds(layers, [&] { at::mm_out(y, x, layers.weight().t()); });
  if (!has_few_rows(x.scalar_type())) return {library, library};
  return {seconds(layers, [&] { few_rows(x, layers.weight(), {}, y); }), library};
}

Means gradient(Layers& layers, const at::Tensor& g, const at::Tensor& x) {
  const double library = seconds(layers, [&] {
    at::Tensor sum = layers.grad();
    add_product(sum, true, g.t(), x);
  });
  if (!has_few_rows(x.scalar_type())) return {library, library};
  return {seconds(layers, [&] { few_rows_grad(g, x, layers.grad(), true); }), library};
}

// Products of one type at each number of rows.
struct Products {
  std::array<Means, kRows.size()> forward, grad;
};

Products measure(at::ScalarType type, const MatmulShape& shape) {
  const MatmulShape part = measured_part(shape);
  Layers layers(type, part);
  Products products;
  for (size_t i = 0; i < kRows.size(); ++i) {
    const at::Tensor x = at::rand({kRows[i], part.in}).to(type), g = at::rand({kRows[i], part.out}).to(type);
    products.forward[i] = forward(layers, x);
    products.grad[i] = gradient(layers, g, x);
  }
  return products;
}

// The most rows up to which the kernel is always faster.
int64_t most_rows(const std::array<Means, kRows.size()>& means) {
  int64_t most = 0;
  for (size_t i = 0; i < kRows.size() && means[i].kernel < means[i].library; ++i) most = kRows[i];
  return most;
}

// Seconds a row, with the faster of both means at each number of rows.
double seconds_of(const Products& products) {
  double sum = 0;
  for (size_t i = 0; i < kRows.size(); ++i) {
    const auto& [forward, grad] = std::pair(products.forward[i], products.grad[i]);
    sum += (std::min(forward.kernel, forward.library) + std::min(grad.kernel, grad.library)) /
           static_cast<double>(kRows[i]);
  }
  return sum;
}

}  // namespace

Bfloat16 measure_bfloat16(const std::string& backend, const MatmulShape& shape) {
  static std::mutex mutex;
  static std::map<std::array<int64_t, 3>, Bfloat16> measured;
  const std::lock_guard lock(mutex);  // one thread measures; others wait for it
  const auto [entry, fresh] = measured.try_emplace({shape.in, shape.out, shape.layers});
  if (fresh) {
    const MatmulPrecision precision(backend);
    const Products narrow = measure(at::kBFloat16, shape), wide = measure(at::kFloat, shape);
    entry->second = {seconds_of(wide) / seconds_of(narrow),
                     {most_rows(narrow.forward), most_rows(narrow.grad)}};
  }
  return entry->second;
}

}  // namespace grpo
