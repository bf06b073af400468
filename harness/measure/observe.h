/* observe: what activation scales are made from, of float32 tensors that stand on a device: the
 * largest magnitude, quantiles of all magnitudes, and where they are asked for how often each
 * magnitude occurs and the largest of each channel. Counts, maxima and elements of the tensor, so
 * no order matters: what the host makes of the same tensor has the same bits.
 *
 * Magnitudes are told apart by their bits, which order them: first by the upper 15 (sign left out),
 * how often each occurs; then, for the ranks that quantiles lie between, by the lower 16 of those
 * alone that share the upper ones. */
#ifndef DS_MEASURE_OBSERVE_H
#define DS_MEASURE_OBSERVE_H
#include "family/trace.h"
#include "kernels/cuda.h"

enum {
  OBSERVE_QUANTILES = 24,
  OBSERVE_UPPER = 1 << 15, /* counters of the upper bits, and of the lower */
  OBSERVE_LOWER = 1 << 16
};

typedef struct ObserveTensor {
  Tensor t;       /* float32, one row behind the other; data there */
  bool quantiles; /* are asked for */
  bool by_row;    /* channels are its rows, else its columns */
} ObserveTensor;

typedef struct ObserveList {
  const ObserveTensor *of;
  int tensors;              /* at most SCALES_MOST */
  const double *fraction;   /* the quantiles: each 0 … 1 */
  int fractions;            /* at most OBSERVE_QUANTILES */
  bool counts_and_channels; /* are asked for */
} ObserveList;

/* Bytes there, and pinned here, from observe_queue to observe_take. Of the tensors their sizes
 * alone are looked at. */
size_t observe_bytes(const ObserveList *list);
size_t observe_pinned_bytes(const ObserveList *list);
/* Queues it behind the operators queued so far, and the copy of the results to `pinned`
 * (cuda_to_host: behind a mark of the copies, or cuda_wait, they are there). Both pieces of memory
 * are the caller's, 64-byte aligned, and stay until then; tensors may change as soon as what is
 * queued here has run. */
void observe_queue(Cuda *cuda, const ObserveList *list, void *room, void *pinned);

/* What came back of a tensor, in the pinned memory. */
typedef struct Observed {
  bool finite;             /* all of it: else nothing else is to be relied on */
  double largest;          /* magnitude */
  const uint32_t *ordered; /* [2 fractions]: bits of the magnitude of a quantile's rank, and of the
                            * next one; NULL: not asked for */
  const uint32_t *count;   /* [OBSERVE_UPPER]; NULL: not asked for */
  const uint32_t *channel; /* bits of the largest magnitude of each; NULL: not asked for */
} Observed;
Observed observe_take(const ObserveList *list, int tensor, const void *pinned);
/* Quantile `q` of the list's. */
double observed_quantile(const ObserveList *list, int tensor, const Observed *of, int q);

/* --- between observe.c and observe.cu --------------------------------------------------------- */

/* One tensor as the kernels take it; all it points to is there, and zero at the start. */
typedef struct ObservePart {
  const float *x; /* [n] */
  uint32_t n, cols;
  bool by_row;
  uint32_t rank[2 * OBSERVE_QUANTILES];
  uint32_t *largest, *ordered, *count, *channel; /* as of Observed; `count` also where it does not
                                                  * come back; NULL: not asked for */
  uint32_t *place; /* [2 fractions][2]: of each rank its upper bits, and how many lie below these */
  uint32_t *lower; /* [2 fractions][OBSERVE_LOWER] */
} ObservePart;

typedef struct ObserveParts {
  ObservePart part[SCALES_MOST];
  int count, ranks;
} ObserveParts;

/* Queues the kernels. */
void observe_parts(Cuda *cuda, const ObserveParts *parts);
#endif
