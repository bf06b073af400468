/* jobs: what is to be measured of tensors and where the rows go, as a list, and who computes it:
 * the processor, or the device where the tensors stand. Either computes results of blocks
 * and the rows are made from those here, by the same functions: the same bits.
 */
#ifndef DS_MEASURE_JOBS_H
#define DS_MEASURE_JOBS_H
#include "base/arena.h"
#include "family/trace.h"
#include "kernels/tensor.h"
#include "measure/row_error.h"
#include "measure/tables/scales.h"
#include "measure/tables/stats.h"

/* Who computes a row: lanes, or GSL's own functions alone (measure/judge.h). */
typedef enum StatsBy { STATS_LANES, STATS_GSL } StatsBy;

/* Rows to be filled: of a tensor (tensor_row), of a pair (pair_row), or of what a grid clips
 * (clipping_row; base is the reference's): one of the three. The keys of a row, and its digest, are
 * for who made the job. */
typedef struct StatsJob {
  const Tensor *base, *other; /* of one shape; other: of a tensor's row none */
  float scale;                /* of the static grid: a tensor's, 0 where it has none; of clipping */
  bool rows_are_tokens;       /* else they are channels (measure/row_error.h) */
  bool logits;                /* a pair of logits has the columns of the largest element too */
  StatsBy by;                 /* of a tensor's row or a pair's */
  TensorStats *tensor_row;
  PairStats *pair_row;
  Clipping *clipping_row;
  PartSquares token; /* a pair's squares of rows are left here [base->rows] where it is not NULL */
} StatsJob;

/* On the processor: each row by one thread. A pair whose tensors have jobs of their own, by the
 * same Tensor, takes what is known of them. */
void stats_jobs(const StatsJob *job, int jobs, Arena scratch);
#endif
