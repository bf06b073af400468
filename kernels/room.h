/* room: the one seam between C and CUDA, and between the instruction levels of a processor. A
 * header of kernels/ writes its arithmetic as ROOM_FN functions; .c files loop over them and .cu
 * files launch them.
 *
 * The operators' .c files are compiled once for each level (level.h; the Makefile's LEVELS), their
 * entry points named by ROOM_LEVEL: linear_base, linear_v3. What stands between ROOM_ONCE is
 * compiled once: what no level changes. The bits do not depend on the level: contraction is off,
 * every fmaf is written, every sum has its order or is exact.
 *
 * ROOM_CLONES marks a serial loop elsewhere that is compiled for several instruction sets and
 * chosen at load. The outlined body of an OpenMP region is not cloned by gcc: put the attribute on
 * a serial tile function and call that from the parallel loop. The levels are x86-64-v3 and v4,
 * found by CPU features; names such as haswell would match those very models alone. */
#ifndef DS_KERNELS_ROOM_H
#define DS_KERNELS_ROOM_H

#ifdef __CUDACC__
#define ROOM_FN static inline __host__ __device__
#else
#define ROOM_FN static inline __attribute__((always_inline))
#endif

#define ROOM_JOINED(a, b) a##b
#define ROOM_JOIN(a, b) ROOM_JOINED(a, b)
#ifndef ROOM_LEVEL_NAME /* set by the Makefile for every level but the portable one */
#define ROOM_LEVEL_NAME _base
#define ROOM_ONCE
#endif
#define ROOM_LEVEL(name) ROOM_JOIN(name, ROOM_LEVEL_NAME)

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(DS_SANITIZE) &&    \
    !defined(__CUDACC__)
#define ROOM_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define ROOM_CLONES
#endif

#endif
