// Two threads count in one place without a lock, as soon as this library is loaded. ThreadSanitizer must say so:
// where it doesn't, its silence about the engine is worth nothing.
#include <thread>

namespace {

int counted = 0;

void count() {
  for (int i = 0; i < 1000; ++i) ++counted;
}

const bool raced = [] {
  std::thread other(count);
  count();
  other.join();
  return true;
}();

}  // namespace
