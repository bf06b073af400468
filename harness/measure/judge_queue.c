#include "measure/judge_queue.h"

#include <omp.h>
#include <string.h>

#include "measure/judge.h"

static size_t elements_of(const StatsJob *job) {
  return (size_t)job->base->rows * (size_t)job->base->cols;
}

static size_t scratch_bytes(const StatsJob *job) {
  return judge_scratch_bytes(elements_of(job), (size_t)job->base->rows + (size_t)job->base->cols) +
         4096;
}

/* Of a row's two tensors, at their widest. */
static size_t copies_bytes(size_t elements) { return 2 * (elements * sizeof(double) + 64); }

size_t judge_queue_bytes(size_t elements) {
  return (size_t)omp_get_max_threads() * (copies_bytes(elements) + sizeof(Kept)) + 4096;
}

JudgeQueue judge_queue(Arena *arena, size_t elements) {
  JudgeQueue q = {.most = omp_get_max_threads(), .elements = elements};
  q.kept = ARENA_NEW(arena, Kept, q.most);
  q.room = q.left = arena_carve(arena, (size_t)q.most * copies_bytes(elements) + 4096);
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

bool judge_queue_end(JudgeQueue *q, Arena scratch, Status *st) {
  Arena *own = ARENA_NEW(&scratch, Arena, q->most);
  bool *holds = ARENA_NEW(&scratch, bool, q->most);
  int fault = -1;
  for (int i = 0; i < q->count; i++) own[i] = arena_carve(&scratch, scratch_bytes(&q->kept[i].job));
#pragma omp parallel for schedule(dynamic)
  for (int i = 0; i < q->count; i++) holds[i] = judge_holds(&q->kept[i].job, own[i]);
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

bool judge_queue_add(JudgeQueue *q, const StatsJob *job, Arena scratch, Status *st) {
  if (job->tensor_row) job->tensor_row->checked = 1;
  if (job->pair_row) job->pair_row->checked = 1;
  if (elements_of(job) > q->elements) return judge_job(job, scratch, st);
  keep(q, job);
  return q->count < q->most || judge_queue_end(q, scratch, st);
}
