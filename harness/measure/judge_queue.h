/* judge_queue: rows that GSL is to compute again, kept with copies of their tensors and judged by
 * threads of their own beside all else, which take what time nobody else wants: a row takes some
 * fifty times as long as by lanes, and one a layer would be waited for by all threads. Nobody waits
 * for such a thread but for a second at the end: where its row is wanted, it is judged once more.
 * With fewer threads than the machine has there are none beside them, and rows wait until there are
 * some for each. */
#ifndef DS_MEASURE_JUDGE_QUEUE_H
#define DS_MEASURE_JUDGE_QUEUE_H
#include "measure/jobs.h"
#include "measure/judged.h"

typedef struct JudgeQueue JudgeQueue;

/* For tensors no larger than [rows, cols], in any format; a larger one is judged when it comes. In
 * memory of its own; NULL where there is none, and every row is judged when it comes. Judges until
 * judge_queue_end or judge_queue_leave. */
JudgeQueue *judge_queue_begin(size_t rows, size_t cols);
size_t judge_queue_bytes(size_t rows, size_t cols, int threads);
/* How many rows may be waiting at once. */
int judge_queue_most(const JudgeQueue *queue);
/* Filled rows of tensors and pairs; marks them as checked, which they are once they are among those
 * that a call adds to `judged`, at most judge_queue_most and `jobs` of them: these or any added
 * before. Fails as judge_job does, now or at a later call. Scratch of all threads, as stats_jobs
 * takes it. */
bool judge_queue_add(JudgeQueue *queue, const StatsJob *const *job, int jobs, JudgedRows *judged,
                     Arena scratch, Status *st);
/* All that is left. Nothing is judged after it. */
bool judge_queue_end(JudgeQueue *queue, JudgedRows *judged, Arena scratch, Status *st);
/* Of what is left, nothing. */
void judge_queue_leave(JudgeQueue *queue);
#endif
