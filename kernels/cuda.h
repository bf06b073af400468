/* cuda: what the rest of the program may know of the device: whether there is one, its memory, copies, and whether what
 * was queued went well. The operators are in ops_cuda; this header is C and needs no CUDA to include. */
#ifndef DS_KERNELS_CUDA_H
#define DS_KERNELS_CUDA_H
#include <stdbool.h>
#include <stddef.h>

#include "kernels/ops.h"

typedef struct Cuda {
  char name[128]; /* "NVIDIA H100 80GB HBM3, sm_90, driver 13.0, runtime 13.0" */
  size_t memory_bytes, free_bytes;
  double fma_per_s, i8_mac_per_s; /* peaks of float32 and of int8 products, by the architecture; 0 where not known */
} Cuda;

/* False, with the reason in `why`, where the program was built without CUDA or there is no usable device. Selects
 * device 0. */
bool cuda_open(Cuda *device, char why[256]);
/* One allocation for everything; carved by an arena. NULL where there is not so much. */
void *cuda_reserve(size_t bytes);
void cuda_release(void *memory);
/* Host memory that copies may overlap with. NULL where there is not so much. */
void *cuda_pinned(size_t bytes);
void cuda_unpin(void *memory);
/* Queued in order with the operators. `host` must stay as it is until cuda_wait. */
void cuda_to_device(void *device, const void *host, size_t bytes);
void cuda_zero(void *device, size_t bytes);
void cuda_copy(void *to, const void *from, size_t bytes); /* on the device */
/* Starts after the operators queued so far; those queued later do not wait for it: it overlaps with them where `host`
 * is pinned. `device` must stay as it is, and `host` is there, when a mark of the copies, or cuda_wait, says so. */
void cuda_to_host(void *host, const void *device, size_t bytes);
/* Waits for everything queued. False, with operator, shape and CUDA's words in `why`, where anything went wrong since
 * the last call. */
bool cuda_wait(char why[256]);

/* A mark is set behind what is queued, on the operators' or the copies' side; one of each may be set again and again.
 * cuda_wait_mark waits for it here, cuda_operators_after on the device; cuda_seconds is the time between two that
 * were reached. */
void *cuda_mark(void);
void cuda_unmark(void *mark);
void cuda_mark_operators(void *mark);
void cuda_mark_copies(void *mark);
void cuda_wait_mark(void *mark);
void cuda_operators_after(void *mark);
double cuda_seconds(void *from, void *to);

/* What is queued between cuda_capture and cuda_captured (operators, zeroing, copies) becomes a graph instead of
 * running; each cuda_replay queues it once, its copies to the host included: what is queued behind it waits for them
 * too. */
void cuda_capture(void);
void *cuda_captured(void);
void cuda_replay(void *graph);
void cuda_forget(void *graph);

/* A weight for the device: linear_cuda_pack makes, on the host, the panels that ops_cuda.linear reads, from those that
 * linear_pack made. Copy them to the device (64-byte aligned) and use the same Linear with `panels` there. */
size_t linear_cuda_packed_bytes(int out, int in, Type type);
void linear_cuda_pack(const Linear *cpu, void *panels);

/* Tensors of ops_cuda: `data` on the device. quantise_dynamic needs y->scale_at, where it leaves the scale; every
 * operator that reads an int8 tensor looks there first. Where nans_at is set, an operator that quantises adds its count
 * to it: the owner zeroes it before. `scratch` of scan is on the device, scan_scratch_bytes of it. */
extern const Ops ops_cuda;

#endif
