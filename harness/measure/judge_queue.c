#include "measure/judge_queue.h"

#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "measure/judge.h"

enum { ROWS_A_THREAD = 4 };

typedef struct Kept {
  StatsJob job; /* of the copies below */
  Tensor base, other;
  TensorStats tensor_row;
  PairStats pair_row;
} Kept;

/* Rows that were kept together: their room is free again when all are judged. */
typedef struct Batch {
  Kept *kept; /* [most] */
  int count, taken, judged;
  int fault;        /* the first that is not what GSL says; -1: none */
  Arena room, left; /* for the copies: all, and what is left */
} Batch;

struct JudgeQueue {
  size_t elements, parts; /* of a tensor, and its rows and columns together, at most */
  int most, now;          /* rows of a batch; the one that is filled */
  Batch batch[2];
  pthread_mutex_t lock; /* of counts and faults */
  pthread_cond_t more, judged;
  bool leaves;
  int threads, started;
  pthread_t *thread; /* [threads] */
  Arena *scratch;    /* [threads] */
};

static size_t elements_of(const StatsJob *job) {
  return (size_t)job->base->rows * (size_t)job->base->cols;
}

static size_t parts_of(const StatsJob *job) {
  return (size_t)job->base->rows + (size_t)job->base->cols;
}

/* --- memory ----------------------------------------------------------------------------------- */

/* Of a row's two tensors, at their widest. */
static size_t copies_bytes(size_t elements) { return 2 * (elements * sizeof(double) + 64); }

static size_t room_bytes(size_t elements, int threads) {
  const int half = threads / 2;
  return (size_t)(half > 1 ? half : 1) * copies_bytes(elements) + 4096;
}

static size_t scratch_bytes(size_t elements, size_t parts) {
  return judge_scratch_bytes(elements, parts) + 4096;
}

size_t judge_queue_bytes(size_t rows, size_t cols, int threads) {
  const size_t own = scratch_bytes(rows * cols, rows + cols) + sizeof(pthread_t) + sizeof(Arena),
               kept = (size_t)(ROWS_A_THREAD * threads) * sizeof(Kept);
  return sizeof(JudgeQueue) + 2 * (room_bytes(rows * cols, threads) + kept) +
         (size_t)threads * own + 4096;
}

/* --- who judges ------------------------------------------------------------------------------- */

/* The next row of the batch that was begun first. */
static Batch *take(JudgeQueue *q, int *row) {
  for (int i = 1; i <= 2; i++) {
    Batch *b = &q->batch[(q->now + i) % 2];
    if (b->taken == b->count) continue;
    *row = b->taken++;
    return b;
  }
  return NULL;
}

/* With the lock, which it gives back while it judges. */
static void judge_one(JudgeQueue *q, Batch *b, int row, Arena scratch) {
  pthread_mutex_unlock(&q->lock);
  const bool holds = judge_holds(&b->kept[row].job, scratch);
  pthread_mutex_lock(&q->lock);
  if (!holds && (b->fault < 0 || row < b->fault)) b->fault = row;
  b->judged++;
  pthread_cond_signal(&q->judged);
}

static void *judge_all(void *context) {
  JudgeQueue *q = context;
  const struct sched_param none = {0};
  sched_setscheduler(0, SCHED_IDLE, &none); /* where it is refused, it is as urgent as all else */
  pthread_mutex_lock(&q->lock);
  const Arena scratch = q->scratch[q->started++];
  while (!q->leaves) {
    int row;
    Batch *b = take(q, &row);
    if (b)
      judge_one(q, b, row, scratch);
    else
      pthread_cond_wait(&q->more, &q->lock);
  }
  pthread_mutex_unlock(&q->lock);
  return NULL;
}

/* Signals are for the threads that were there before. */
static void start(JudgeQueue *q) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int most = q->threads;
  q->threads = 0;
  while (q->threads < most && !pthread_create(&q->thread[q->threads], NULL, judge_all, q))
    q->threads++;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

JudgeQueue *judge_queue_begin(Arena *arena, size_t rows, size_t cols) {
  JudgeQueue *q = ARENA_NEW(arena, JudgeQueue, 1);
  const int threads = omp_get_max_threads();
  *q = (JudgeQueue){.elements = rows * cols,
                    .parts = rows + cols,
                    .most = ROWS_A_THREAD * threads,
                    .threads =
                        threads - 1}; /* one is the caller's, which helps where it would wait */
  for (int i = 0; i < 2; i++) {
    Batch *b = &q->batch[i];
    b->kept = ARENA_NEW(arena, Kept, q->most);
    b->fault = -1;
    b->room = b->left = arena_carve(arena, room_bytes(q->elements, threads));
  }
  q->thread = ARENA_NEW(arena, pthread_t, q->threads);
  q->scratch = ARENA_NEW(arena, Arena, q->threads);
  for (int i = 0; i < q->threads; i++)
    q->scratch[i] = arena_carve(arena, scratch_bytes(q->elements, q->parts));
  pthread_mutex_init(&q->lock, NULL);
  pthread_cond_init(&q->more, NULL);
  pthread_cond_init(&q->judged, NULL);
  start(q);
  return q;
}

void judge_queue_leave(JudgeQueue *q) {
  pthread_mutex_lock(&q->lock);
  q->leaves = true;
  pthread_cond_broadcast(&q->more);
  pthread_mutex_unlock(&q->lock);
  while (q->threads > 0) pthread_join(q->thread[--q->threads], NULL);
}

/* --- rows ------------------------------------------------------------------------------------- */

/* Until all of the batch are judged; then it is empty. */
static bool finish(JudgeQueue *q, Batch *b, Arena scratch, Status *st) {
  pthread_mutex_lock(&q->lock);
  while (b->judged < b->count) {
    int row;
    Batch *one = take(q, &row);
    if (one)
      judge_one(q, one, row, scratch);
    else
      pthread_cond_wait(&q->judged, &q->lock);
  }
  const int fault = b->fault;
  b->count = b->taken = b->judged = 0;
  b->fault = -1;
  b->left = b->room;
  pthread_mutex_unlock(&q->lock);
  return fault < 0 || judge_job(&b->kept[fault].job, scratch, st);
}

bool judge_queue_end(JudgeQueue *q, Arena scratch, Status *st) {
  bool ok = true;
  for (int i = 1; ok && i <= 2; i++) ok = finish(q, &q->batch[(q->now + i) % 2], scratch, st);
  judge_queue_leave(q);
  return ok;
}

/* Whole, of the same format and scale. */
static Tensor copy_of(Arena *arena, const Tensor *t) {
  const size_t row = (size_t)t->cols * format_size(t->format),
               stride = (size_t)t->stride * format_size(t->format);
  Tensor copy = *t;
  copy.stride = t->cols;
  copy.data = arena_room(arena, (size_t)t->rows * (size_t)t->cols, format_size(t->format));
#pragma omp parallel for
  for (int r = 0; r < t->rows; r++)
    memcpy((char *)copy.data + (size_t)r * row, (const char *)t->data + (size_t)r * stride, row);
  return copy;
}

static void keep(JudgeQueue *q, const StatsJob *job) {
  Batch *b = &q->batch[q->now];
  Kept *kept = &b->kept[b->count];
  kept->job = *job;
  kept->base = copy_of(&b->left, job->base);
  kept->job.base = &kept->base;
  if (job->other) kept->other = copy_of(&b->left, job->other), kept->job.other = &kept->other;
  if (job->tensor_row)
    kept->tensor_row = *job->tensor_row, kept->job.tensor_row = &kept->tensor_row;
  if (job->pair_row) kept->pair_row = *job->pair_row, kept->job.pair_row = &kept->pair_row;
  pthread_mutex_lock(&q->lock);
  b->count++;
  pthread_cond_signal(&q->more);
  pthread_mutex_unlock(&q->lock);
}

/* Whether there is room for another. */
static bool fits(const JudgeQueue *q, const StatsJob *job) {
  const Batch *b = &q->batch[q->now];
  const size_t one = elements_of(job) * format_size(job->base->format) + 64,
               other = job->other ? elements_of(job) * format_size(job->other->format) + 64 : 0;
  return b->count < q->most && one + other <= (size_t)(b->left.end - b->left.next);
}

bool judge_queue_add(JudgeQueue *q, const StatsJob *job, Arena scratch, Status *st) {
  if (job->tensor_row) job->tensor_row->checked = 1;
  if (job->pair_row) job->pair_row->checked = 1;
  if (elements_of(job) > q->elements || parts_of(job) > q->parts)
    return judge_job(job, scratch, st);
  if (!fits(q, job)) {
    pthread_mutex_lock(&q->lock);
    q->now = 1 - q->now;
    pthread_mutex_unlock(&q->lock);
    TRY(finish(q, &q->batch[q->now], scratch, st));
  }
  keep(q, job);
  return true;
}
