/* peak: the most that one thread of the CPU's level does of what operators are made of, out of
 * registers and the first-level cache: what times are held against.
 *   fma32, fma64: fmas a lane each, as many sums at once as hide their latency
 *   i8:           products of int8, added up in int32 the way the level's tile does it
 *   exp:          exp32_near of floats in the cache */
#ifndef DS_KERNELS_PEAK_H
#define DS_KERNELS_PEAK_H

typedef enum Peak { PEAK_FMA32, PEAK_FMA64, PEAK_I8, PEAK_EXP, PEAK_COUNT } Peak;

/* Does `rounds` rounds of it on this thread, and returns how many operations that was. */
double peak_work(Peak kind, int rounds);
#endif
