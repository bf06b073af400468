/* cuda: what the rest of the program may know of the device: whether there is one, its memory, copies, and whether what was queued
 * went well. The operators are in ops_cuda; this header is C and needs no CUDA to include. */
#ifndef DS_KERNELS_CUDA_H
#define DS_KERNELS_CUDA_H
#include <stdbool.h>
#include <stddef.h>

#include "kernels/ops.h"

typedef struct Cuda {
  char name[128];        /* "NVIDIA H100 80GB HBM3, sm_90, driver 13.0, runtime 13.0" */
  size_t memory_bytes, free_bytes;
} Cuda;

/* False, with the reason in `why`, where the program was built without CUDA or there is no usable device. Selects device 0. */
bool cuda_open(Cuda *device, char why[256]);
/* One allocation for everything; carved by an arena. NULL where there is not so much. */
void *cuda_reserve(size_t bytes);
void cuda_release(void *memory);
/* Host memory that copies may overlap with. NULL where there is not so much. */
void *cuda_pinned(size_t bytes);
void cuda_unpin(void *memory);
/* Queued in order with the operators; `from` and `to` must stay as they are until cuda_wait (or the event) says so. */
void cuda_to_device(void *device, const void *host, size_t bytes);
void cuda_to_host(void *host, const void *device, size_t bytes);
/* Waits for everything queued. False, with operator, shape and CUDA's words in `why`, where anything went wrong since the last call. */
bool cuda_wait(char why[256]);

extern const Ops ops_cuda;

#endif
