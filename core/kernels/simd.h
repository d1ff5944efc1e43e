// Compiles a plain loop for several instruction sets and picks one at run
// time, so that one binary runs from baseline x86-64 up to AVX-512.
// Sanitizers cannot instrument the resolver, which runs before they start.
#pragma once

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define OHM_SIMD_CLONES \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define OHM_SIMD_CLONES
#endif

// For what has to become part of its caller: vectors in registers, loops that
// are written once and compiled for several instruction sets.
#define OHM_INLINE inline __attribute__((always_inline))
