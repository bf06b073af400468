/* cuda64: the reference's operators on a CUDA device: the same arithmetic, the same bits.
 * Whoever owns the device owns its memory and its stream: calls of the table are queued there, take
 * device pointers, allocate nothing and wait for nothing, so they may be captured in a graph.
 * Weights are row-major as on the CPU: nothing is packed. Nothing here is static: any number of
 * streams may run. */
#ifndef DS_REFERENCE_CUDA64_H
#define DS_REFERENCE_CUDA64_H
#include "reference/ops64.h"

typedef struct Cuda64 {
  void *stream;          /* a cudaStream_t of the device that is selected; the caller's */
  int processors;        /* its multiprocessors: tiles are chosen so that all have work */
  char last_queued[64];  /* operator and shape, for a message about what ran before */
  char first_error[256]; /* the first launch that was refused, with operator, shape and CUDA's
                            words; empty: none. The caller reads it after it has waited for the
                            stream, and may empty it */
} Cuda64;

/* Of the device that is selected now. A program that was built without CUDA says so in first_error,
 * and its table must not be called. */
Cuda64 cuda64_on(void *stream);
/* `cuda` stays where it is as long as the table is used. */
Ops64 ops64_cuda(Cuda64 *cuda);
#endif
