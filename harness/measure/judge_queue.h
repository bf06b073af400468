/* judge_queue: rows that GSL is to compute again, kept with copies of their tensors and judged by
 * threads of their own beside all else, at the lowest priority: a row takes some fifty times as
 * long as by lanes, and one a layer would be waited for by all threads. */
#ifndef DS_MEASURE_JUDGE_QUEUE_H
#define DS_MEASURE_JUDGE_QUEUE_H
#include "measure/jobs.h"

typedef struct JudgeQueue JudgeQueue;

/* In the arena, for tensors no larger than [rows, cols], in any format; a larger one is judged when
 * it comes. Judges until judge_queue_end or judge_queue_leave, before which its memory stays. */
JudgeQueue *judge_queue_begin(Arena *arena, size_t rows, size_t cols);
size_t judge_queue_bytes(size_t rows, size_t cols, int threads);
/* A filled row of a tensor or a pair; marks it as checked. Fails as judge_job does, now or at a
 * later call. */
bool judge_queue_add(JudgeQueue *queue, const StatsJob *job, Arena scratch, Status *st);
/* All that is left. Nothing is judged after it. */
bool judge_queue_end(JudgeQueue *queue, Arena scratch, Status *st);
/* Of what is left, nothing. */
void judge_queue_leave(JudgeQueue *queue);
#endif
