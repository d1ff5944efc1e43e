// Loops over threads. All of ohmgrad's own parallel code goes through here;
// oneDNN uses the same OpenMP pool.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace ohm {

// Threads that ParallelFor and oneDNN use from now on where the calling thread
// calls them; n >= 1. (Others have numbers of their own, as OpenMP's.)
void SetThreads(int n);
int Threads();

// Cores that this process may run on (taskset, cpusets) and has time for (the
// quota of its control group, as `docker run --cpus` sets it, rounded up), at
// least 1. More threads than these wait for one another while they spin: 25
// times slower.
int AvailableCores();
// Those of a control group's cpu.max, "QUOTA PERIOD" in microseconds; `most`
// where it says "max" or nothing of this form.
int CoresOfQuota(const std::string& cpu_max, int most);

// Calls body(begin, end) on disjoint ranges that cover [0, count): at most one
// per thread, and no more than count / grain, rounded up. Results must not
// depend on where the cuts fall. An exception thrown by `body` is rethrown
// here (the first one wins). Inside another ParallelFor it runs serially.
void ParallelFor(int64_t count, int64_t grain,
                 const std::function<void(int64_t, int64_t)>& body);

}  // namespace ohm
