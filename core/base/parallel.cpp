#include "core/base/parallel.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <fstream>
#include <sstream>

#include "core/base/check.h"

namespace ohm {

void SetThreads(int n) {
  OHM_CHECK(n >= 1, "[threads] expected at least 1, got " + std::to_string(n));
  omp_set_num_threads(n);
}

int Threads() { return omp_get_max_threads(); }

int CoresOfQuota(const std::string& cpu_max, int most) {
  std::istringstream text(cpu_max);
  double quota = 0, period = 0;
  if (!(text >> quota >> period) || quota <= 0 || period <= 0) return most;
  return int(std::clamp(std::ceil(quota / period), 1.0, double(most)));
}

// The root of the group is what a container sees as its own.
int AvailableCores() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  std::string line;
  std::getline(file, line);
  return CoresOfQuota(line, std::max(1, omp_get_num_procs()));
}

void ParallelFor(int64_t count, int64_t grain,
                 const std::function<void(int64_t, int64_t)>& body) {
  if (count <= 0) return;
  const int64_t most = (count + grain - 1) / std::max<int64_t>(grain, 1);
  const auto parts = std::min<int64_t>(Threads(), most);
  if (parts <= 1 || omp_in_parallel() != 0) {
    body(0, count);
    return;
  }
  std::exception_ptr error;
#pragma omp parallel num_threads(static_cast <int>(parts))
  {
    const int64_t part = omp_get_thread_num();
    const int64_t team = omp_get_num_threads();  // may be fewer than asked for
    const int64_t begin = count * part / team;
    const int64_t end = count * (part + 1) / team;
    try {
      if (begin < end) body(begin, end);
    } catch (...) {
#pragma omp critical(ohm_parallel_error)
      if (!error) error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace ohm
