/* device: the rows of jobs (measure/jobs.h) whose tensors stand in the memory of a device: it
 * computes results of blocks, squares of rows and columns and the order statistics of |d|, a warp a
 * block and a thread a lane, and the rows are made from those here, as on the processor: every bit
 * is the same. A tensor's row has its digest too, where that can be made in parts
 * (measure/digest_parts.h); else an empty one. Tensors are of float32, float16, int8 with one scale
 * (`scale_at` where that stands on the device) or float64; others are the processor's alone. */
#ifndef DS_MEASURE_DEVICE_H
#define DS_MEASURE_DEVICE_H
#include "kernels/cuda.h"
#include "measure/block.h"
#include "measure/digest_parts.h"
#include "measure/jobs.h"

/* Bytes there, and pinned here, that a list of jobs takes from stats_device_queue to
 * stats_device_finish. Of the tensors their sizes alone are looked at. */
typedef struct StatsDeviceBytes {
  size_t device, pinned;
} StatsDeviceBytes;
StatsDeviceBytes stats_device_bytes(const StatsJob *job, int jobs);

/* Whether the device can do it. */
bool stats_device_can(const StatsJob *job);

/* Queues all of it behind the operators queued so far, and the copy of the results to `pinned`
 * (cuda_to_host: behind a mark of the copies, or cuda_wait, they are there). Both pieces of memory
 * are the caller's, 64-byte aligned, and stay as they are until then; tensors may change as soon as
 * what is queued here has run. Every job is one that the device can do; what `by` says is not
 * asked. */
void stats_device_queue(Cuda *cuda, const StatsJob *job, int jobs, void *device, void *pinned);

/* Fills the rows. Of the tensors it looks at shape, format, kernel and `nans`, no longer at data.
 */
void stats_device_finish(const StatsJob *job, int jobs, const void *pinned, Arena scratch);
/* Bytes of scratch that it needs. */
size_t stats_device_scratch_bytes(const StatsJob *job, int jobs);

/* --- between measure/device.c and measure/device.cu ------------------------------------------- */

enum { DEVICE_QUANTILES = 5, DEVICE_FIRST = 10 };

/* One job as the kernels take it. What of its results it has not is NULL. */
typedef struct DevicePart {
  Tensor a, b; /* b: of a tensor's row none */
  Blocks blocks;
  size_t first_block;  /* the blocks of all parts before it in its list */
  size_t first_panel;  /* the same of DEVICE_PANEL columns */
  size_t first_row;    /* and of rows */
  size_t first_digest; /* and of the blocks of digests, where it has one: `lanes` */
  float scale;
  bool channels_are_rows;
  TensorBlock *tensor; /* [blocks.count] */
  PairBlock *pair;
  ClipBlock *clip;
  double *row_error2,
      *row_base2; /* [rows * pieces]; of clipping: beyond, where rows are channels */
  double *column_error2, *column_base2; /* [cols]; the same, where columns are channels */
  uint8_t *met;                         /* of clipping [channels] */
  double *first;                        /* [DEVICE_FIRST] */
  uint64_t *lanes;                      /* [DIGEST_LANES] of its digest, */
  size_t digested;                      /* and of how many bytes; 0: it has none */
  double *order; /* [2 DEVICE_QUANTILES]: the values of a quantile's rank and of the next one */
  int32_t *top_a, *top_b; /* [rows]: of logits: where the largest element stands; -1: not finite */
  int64_t *key;           /* [n]: |d| by its bits; -1: left out. Nothing that comes back */
} DevicePart;

enum { DEVICE_PANEL = 128 };

/* A list of parts of one kind, on the device. */
typedef struct DeviceParts {
  const DevicePart *part;
  int count;
  size_t blocks, panels, rows, digests; /* of all */
} DeviceParts;

/* Queue the kernels. */
void device_tensors(Cuda *cuda, DeviceParts parts);
void device_digests(Cuda *cuda, DeviceParts parts, uint64_t *sums /* there [digests][LANES] */);
void device_pairs(Cuda *cuda, DeviceParts parts);
void device_orders(Cuda *cuda, DeviceParts parts); /* of pairs, behind their keys */
void device_clips(Cuda *cuda, DeviceParts parts);
void device_tops(Cuda *cuda, DeviceParts parts);
#endif
