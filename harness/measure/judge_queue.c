#include "measure/judge_queue.h"

#include <omp.h>
#include <string.h>

#include "measure/judge.h"

enum {
  ROWS_A_THREAD = 4 /* kept where their copies find room: so a large one is not waited for */
};

static size_t elements_of(const StatsJob *job) {
  return (size_t)job->base->rows * (size_t)job->base->cols;
}

static size_t scratch_bytes(const StatsJob *job) {
  return judge_scratch_bytes(elements_of(job), (size_t)job->base->rows + (size_t)job->base->cols) +
         4096;
}

/* Of a row's two tensors, at their widest. */
static size_t copies_bytes(size_t elements) { return 2 * (elements * sizeof(double) + 64); }

JudgeQueue judge_queue(Arena *arena, size_t elements) {
  const int threads = omp_get_max_threads();
  JudgeQueue q = {.most = ROWS_A_THREAD * threads, .elements = elements};
  q.kept = ARENA_NEW(arena, Kept, q.most);
  q.room = q.left = arena_carve(arena, (size_t)threads * copies_bytes(elements) + 4096);
  return q;
}

/* Whole, of the same format and scale. */
static Tensor copy_of(Arena *arena, const Tensor *t) {
  const size_t row = (size_t)t->cols * format_size(t->format),
               stride = (size_t)t->stride * format_size(t->format);
  Tensor copy = *t;
  copy.stride = t->cols;
  copy.data = arena_room(arena, (size_t)t->rows * (size_t)t->cols, format_size(t->format));
  for (size_t r = 0; r < (size_t)t->rows; r++)
    memcpy((char *)copy.data + r * row, (const char *)t->data + r * stride, row);
  return copy;
}

/* The largest first. */
static void put_in_order(const JudgeQueue *q, int *order) {
  for (int i = 0; i < q->count; i++) {
    int at = i;
    for (; at > 0 && elements_of(&q->kept[order[at - 1]].job) < elements_of(&q->kept[i].job); at--)
      order[at] = order[at - 1];
    order[at] = i;
  }
}

bool judge_queue_end(JudgeQueue *q, Arena scratch, Status *st) {
  const int most = omp_get_max_threads(), threads = q->count < most ? q->count : most;
  Arena *own = ARENA_NEW(&scratch, Arena, most);
  bool *holds = ARENA_NEW(&scratch, bool, q->most);
  int *order = ARENA_NEW(&scratch, int, q->most), fault = -1;
  size_t bytes = 0;
  for (int i = 0; i < q->count; i++) {
    const size_t needed = scratch_bytes(&q->kept[i].job);
    bytes = needed > bytes ? needed : bytes;
  }
  for (int i = 0; i < threads; i++) own[i] = arena_carve(&scratch, bytes);
  put_in_order(q, order);
#pragma omp parallel for schedule(dynamic) num_threads(threads > 0 ? threads : 1)
  for (int i = 0; i < q->count; i++)
    holds[order[i]] = judge_holds(&q->kept[order[i]].job, own[omp_get_thread_num()]);
  for (int i = q->count; i-- > 0;)
    if (!holds[i]) fault = i;
  q->count = 0;
  q->left = q->room;
  return fault < 0 || judge_job(&q->kept[fault].job, scratch, st);
}

static void keep(JudgeQueue *q, const StatsJob *job) {
  Kept *kept = &q->kept[q->count++];
  kept->job = *job;
  kept->base = copy_of(&q->left, job->base);
  kept->job.base = &kept->base;
  if (job->other) kept->other = copy_of(&q->left, job->other), kept->job.other = &kept->other;
  if (job->tensor_row)
    kept->tensor_row = *job->tensor_row, kept->job.tensor_row = &kept->tensor_row;
  if (job->pair_row) kept->pair_row = *job->pair_row, kept->job.pair_row = &kept->pair_row;
}

/* Whether there is room for another. */
static bool fits(const JudgeQueue *q, const StatsJob *job) {
  const size_t one = elements_of(job) * format_size(job->base->format) + 64,
               other = job->other ? elements_of(job) * format_size(job->other->format) + 64 : 0;
  return q->count < q->most && one + other <= (size_t)(q->left.end - q->left.next);
}

bool judge_queue_add(JudgeQueue *q, const StatsJob *job, Arena scratch, Status *st) {
  if (job->tensor_row) job->tensor_row->checked = 1;
  if (job->pair_row) job->pair_row->checked = 1;
  if (elements_of(job) > q->elements) return judge_job(job, scratch, st);
  if (!fits(q, job)) TRY(judge_queue_end(q, scratch, st));
  keep(q, job);
  return true;
}
