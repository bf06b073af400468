/* judged: which rows GSL has computed again, and that no other is said to be checked. */
#ifndef DS_MEASURE_JUDGED_H
#define DS_MEASURE_JUDGED_H
#include "measure/jobs.h"

typedef struct JudgedRows {
  JudgedRow *row; /* room for all that are added */
  int rows;
} JudgedRows;

/* The row of a job, which is a tensor's or a pair's. */
void judged_add(JudgedRows *judged, const StatsJob *job);
/* The mark is taken off rows that are not among these, in any order. */
void judged_settle(const JudgedRow *judged, size_t count, TensorStats *tensor, size_t tensors,
                   PairStats *pair, size_t pairs, Arena scratch);
#endif
