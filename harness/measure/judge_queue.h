/* judge_queue: rows that GSL is to compute again, kept with copies of their tensors until there are
 * some for every thread: a row takes some fifty times as long as by lanes, and one a layer would be
 * waited for by all threads. */
#ifndef DS_MEASURE_JUDGE_QUEUE_H
#define DS_MEASURE_JUDGE_QUEUE_H
#include "measure/jobs.h"

typedef struct Kept {
  StatsJob job; /* of the copies below */
  Tensor base, other;
  TensorStats tensor_row;
  PairStats pair_row;
} Kept;

typedef struct JudgeQueue {
  Kept *kept; /* [most] */
  int count, most;
  size_t elements;  /* of a tensor of which a copy is taken; a larger one is judged at once */
  Arena room, left; /* for the copies: all, and what is left */
} JudgeQueue;

/* In the arena: for a row a thread of tensors of at most so many elements, in any format. */
JudgeQueue judge_queue(Arena *arena, size_t elements);
/* A filled row of a tensor or a pair; marks it as checked. Fails as judge_job does, now or at a
 * later call. */
bool judge_queue_add(JudgeQueue *queue, const StatsJob *job, Arena scratch, Status *st);
/* All that is left. */
bool judge_queue_end(JudgeQueue *queue, Arena scratch, Status *st);
#endif
