// Loops over threads. All of ohmgrad's own parallel code goes through here;
// oneDNN uses the same OpenMP pool.
#pragma once

#include <cstdint>
#include <functional>

namespace ohm {

// Threads used by ParallelFor and by oneDNN from now on; n >= 1.
void SetThreads(int n);
int Threads();

// Calls body(begin, end) on disjoint ranges that cover [0, count), at most one
// range per thread, each at least `grain` long (except the last). Results must
// not depend on where the cuts fall. An exception thrown by `body` is rethrown
// here (the first one wins). Inside another ParallelFor it runs serially.
void ParallelFor(int64_t count, int64_t grain,
                 const std::function<void(int64_t, int64_t)>& body);

// How threads of OpenMP wait for each other, for programs to call first in
// main: unless the environment says otherwise, it is set to what is best both
// alone and beside other programs (docs/results.md has the figures), and the
// program is started again, because OpenMP reads its environment only once,
// before main. Does nothing, silently, where that fails.
void ChooseOpenMpWaiting(char** argv);
// Takes that choice out of the environment again, for programs to start that
// are not ours.
void ForgetOpenMpWaiting();

}  // namespace ohm
