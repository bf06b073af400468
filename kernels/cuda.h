/* cuda: a device as one value: what it is, its operators, memory, copies, graphs and times, and
 * whether what was queued went well. This header is C and needs no CUDA to include; a program built
 * without CUDA finds no device (kernels/no_cuda.c).
 *
 * A Cuda belongs to its caller and stays where it is from cuda_open to cuda_close: its operators
 * point to it. One thread at a time. Sizes are bytes. Nothing here fails at the call but cuda_open,
 * cuda_reserve and cuda_pinned: the first error is kept until cuda_wait says it. */
#ifndef DS_KERNELS_CUDA_H
#define DS_KERNELS_CUDA_H
#include <stdbool.h>
#include <stddef.h>

#include "kernels/ops.h"
#include "kernels/tiles.h"

typedef struct Cuda {
  char name[128]; /* "NVIDIA H100 80GB HBM3, sm_90, driver 13.0, runtime 13.0" */
  unsigned char uuid[16];
  size_t memory_bytes, free_bytes;
  double fma_per_s, i8_mac_per_s; /* peaks of float32 and of int8 products, by the architecture; 0
                                     where not known */
  /* Tensors of these operators: `data` on the device. quantise_dynamic needs y->scale_at, where it
   * leaves the scale; every operator that reads an int8 tensor looks there first. Where nans_at is
   * set, an operator that quantises adds its count to it: the owner zeroes it before. `scratch` of
   * scan is on the device, scan_scratch_bytes of it. narrow and narrower stages are the CPU's
   * alone. */
  Ops ops;
  /* cuda.cu's own. Operators are in order on one stream; copies to the host on another, and weights
   * ahead on a third, which wait for the operators before them only. */
  Card card;
  bool starts_early; /* a kernel may start before the one before it has ended */
  void *operators, *copies, *ahead, *operators_so_far;
  unsigned *absmax;   /* there: quantise_dynamic's, one for all, since operators run one after the
                       * other */
  bool copies_queued; /* since cuda_capture */
  char first_error[256], last_queued[64];
} Cuda;

/* False, with the reason in `why`, where the program was built without CUDA or there is no usable
 * device. Selects the device of this number, counted around where there are fewer. */
bool cuda_open(Cuda *cuda, int number, char why[256]);
/* Gives its streams back; name and figures stay. What was reserved is the caller's to release
 * before. */
void cuda_close(Cuda *cuda);
/* Looks again how much is free there. */
void cuda_look(Cuda *cuda);
/* One allocation for everything; carved by an arena. NULL where there is not so much. */
void *cuda_reserve(Cuda *cuda, size_t bytes);
void cuda_release(Cuda *cuda, void *memory);
/* Host memory that copies may overlap with. NULL where there is not so much. */
void *cuda_pinned(Cuda *cuda, size_t bytes);
void cuda_unpin(Cuda *cuda, void *memory);
/* Queued in order with the operators. `host` must stay as it is until cuda_wait. */
void cuda_to_device(Cuda *cuda, void *device, const void *host, size_t bytes);
void cuda_zero(Cuda *cuda, void *device, size_t bytes);
void cuda_copy(Cuda *cuda, void *to, const void *from, size_t bytes); /* on the device */
/* Starts after the operators queued so far; those queued later do not wait for it: it overlaps with
 * them where `host` is pinned. `device` must stay as it is, and `host` is there, when a mark of the
 * copies, or cuda_wait, says so. */
void cuda_to_host(Cuda *cuda, void *host, const void *device, size_t bytes);
/* The same to the device, for weights: starts after the operators queued so far, which may read
 * what it replaces, and overlaps with those queued later; they read it behind cuda_operators_after
 * of a mark of these copies. */
void cuda_to_device_ahead(Cuda *cuda, void *device, const void *host, size_t bytes);
/* What is queued beside these copies from here on (kernels/prepare.h) starts after the operators
 * queued so far. */
void cuda_ahead_after_operators(Cuda *cuda);
/* Waits for everything queued. False, with operator, shape and CUDA's words in `why`, where
 * anything went wrong since the last call. */
bool cuda_wait(Cuda *cuda, char why[256]);

/* A mark is set behind what is queued, on the operators' or one of the copies' sides; one of each
 * may be set again and again. cuda_wait_mark waits for it here, cuda_operators_after on the device;
 * cuda_seconds is the time between two that were reached. */
void *cuda_mark(Cuda *cuda);
void cuda_unmark(Cuda *cuda, void *mark);
void cuda_mark_operators(Cuda *cuda, void *mark);
void cuda_mark_copies(Cuda *cuda, void *mark);
void cuda_mark_ahead(Cuda *cuda, void *mark);
void cuda_wait_mark(Cuda *cuda, void *mark);
void cuda_operators_after(Cuda *cuda, void *mark);
double cuda_seconds(Cuda *cuda, void *from, void *to);

/* What is queued between cuda_capture and cuda_captured (operators, zeroing, copies) becomes a
 * graph instead of running; each cuda_replay queues it once, its copies to the host included: what
 * is queued behind it waits for them too. NULL where it could not be made. */
void cuda_capture(Cuda *cuda);
void *cuda_captured(Cuda *cuda);
void cuda_replay(Cuda *cuda, void *graph);
void cuda_forget(Cuda *cuda, void *graph);

/* A weight for the device: linear_cuda_pack makes, on the host, the panels that the device's linear
 * reads, from those that linear_pack made. Copy them to the device (64-byte aligned) and use the
 * same Linear with `panels` there. */
size_t linear_cuda_packed_bytes(int out, int in, Format format);
void linear_cuda_pack(const Linear *cpu, void *panels);

#endif
