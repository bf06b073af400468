/* room: the one seam between C and CUDA, of reference/ alone. A header writes its arithmetic as
 * REF_FN functions; .c files loop over them and .cu files launch them.
 *
 * REF_CLONES marks a serial loop that is compiled for several instruction sets and chosen at load;
 * the bits do not depend on the choice: contraction is off, every fma is written, every sum has its
 * order. The outlined body of an OpenMP region is not cloned by gcc: the attribute belongs on a
 * serial function that the parallel loop calls. Whoever defines it before chooses himself
 * (tests/levels64.h). */
#ifndef DS_REFERENCE_ROOM_H
#define DS_REFERENCE_ROOM_H

#ifdef __CUDACC__
#define REF_FN static inline __host__ __device__
#else
#define REF_FN static inline __attribute__((always_inline))
#endif

#if defined(__x86_64__) && defined(__GNUC__) && !defined(DS_SANITIZE) && !defined(__CUDACC__)
#define REF_LEVELS /* of x86-64 are told apart, by gcc and by clang */
#endif

#ifndef REF_CLONES
#if defined(REF_LEVELS) && !defined(__clang__) /* which knows the names of levels since 18 */
#define REF_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define REF_CLONES
#endif
#endif

#endif
