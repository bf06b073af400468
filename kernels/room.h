/* room: the one seam between C and CUDA. A header of kernels/ writes its arithmetic as ROOM_FN
 * functions; .c files loop over them and .cu files launch them.
 *
 * ROOM_CLONES marks a serial loop that is compiled for several instruction sets and chosen at load.
 * The bits do not depend on the choice: contraction is off, every fmaf is written, every sum has
 * its order. The outlined body of an OpenMP region is not cloned by gcc: put the attribute on a
 * serial tile function and call that from the parallel loop. The levels are x86-64-v3 and v4, found
 * by CPU features; names such as haswell would match those very models alone. */
#ifndef DS_KERNELS_ROOM_H
#define DS_KERNELS_ROOM_H

#ifdef __CUDACC__
#define ROOM_FN static inline __host__ __device__
#else
#define ROOM_FN static inline __attribute__((always_inline))
#endif

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(DS_SANITIZE) &&    \
    !defined(__CUDACC__)
#define ROOM_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define ROOM_CLONES
#endif

#endif
