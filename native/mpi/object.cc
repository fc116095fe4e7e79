// The second object: MPI behind C functions. Compiled by mpicxx alone, without libtorch and Node.
#include <mpi.h>
#include <unistd.h>

#include <chrono>
#include <climits>
#include <string>
#include <vector>

#include "functions.h"

namespace {

using Clock = std::chrono::steady_clock;

// How long a wait only yields the processor; after that it sleeps in between, as other ranks may need the
// core.
constexpr auto kBusy = std::chrono::milliseconds(2);
constexpr useconds_t kNap = 100;

std::string failure, library;
int ranks = 1;

const char* failed(const std::string& what) {
  failure = what;
  return failure.c_str();
}

const char* failed(int code) {
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  return failed(std::string(text, length));
}

// Waits for what was begun with the result `code`.
const char* wait(int code, MPI_Request& request, double seconds) {
  if (code != MPI_SUCCESS) return failed(code);
  const auto start = Clock::now();
  for (;;) {
    int done = 0;
    code = MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    if (code != MPI_SUCCESS) return failed(code);
    if (done) return nullptr;
    const auto waited = Clock::now() - start;
    if (std::chrono::duration<double>(waited).count() > seconds)
      return failed("not all ranks came within " + std::to_string(static_cast<int64_t>(seconds)) + " s");
    if (waited > kBusy) usleep(kNap);
  }
}

const char* start(int32_t* rank, int32_t* size, const char** name) {
  int provided = 0;
  int code = MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided);
  if (code != MPI_SUCCESS) return failed(code);
  if (provided < MPI_THREAD_SERIALIZED) return failed("this MPI lets one thread alone call it");
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  MPI_Comm_rank(MPI_COMM_WORLD, rank);
  MPI_Comm_size(MPI_COMM_WORLD, size);
  ranks = *size;
  char text[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  MPI_Get_library_version(text, &length);
  library.assign(text, length);
  *name = library.c_str();
  return nullptr;
}

const char* gather_sizes(int64_t own, int64_t* sizes, double seconds) {
  MPI_Request request;
  const int code = MPI_Iallgather(&own, 1, MPI_INT64_T, sizes, 1, MPI_INT64_T, MPI_COMM_WORLD, &request);
  return wait(code, request, seconds);
}

const char* gather(const void* own, void* all, const int64_t* sizes, double seconds) {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  std::vector<int> counts(ranks), starts(ranks);
  int64_t total = 0;
  for (int r = 0; r < ranks; ++r) {
    if (total + sizes[r] > INT_MAX) return failed("more than 2 GB are to be gathered at once");
    counts[r] = static_cast<int>(sizes[r]);
    starts[r] = static_cast<int>(total);
    total += sizes[r];
  }
  MPI_Request request;
  const int code = MPI_Iallgatherv(own, counts[rank], MPI_BYTE, all, counts.data(), starts.data(), MPI_BYTE,
                                   MPI_COMM_WORLD, &request);
  return wait(code, request, seconds);
}

const char* sum(float* numbers, int64_t count) {
  // (Open MPI's non-blocking one is slower.)
  const int code =
      MPI_Allreduce(MPI_IN_PLACE, numbers, static_cast<int>(count), MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
  return code == MPI_SUCCESS ? nullptr : failed(code);
}

const char* finish() {
  int over = 0;
  MPI_Finalized(&over);
  if (over) return nullptr;
  const int code = MPI_Finalize();
  return code == MPI_SUCCESS ? nullptr : failed(code);
}

void end(int32_t code) { MPI_Abort(MPI_COMM_WORLD, code); }

constexpr grpo::MpiFunctions kFunctions{start, gather_sizes, gather, sum, finish, end};

}  // namespace

extern "C" __attribute__((visibility("default"))) const grpo::MpiFunctions* grpo_mpi_functions() {
  return &kFunctions;
}
