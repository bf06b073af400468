#include "measure/judge_queue.h"

#include <assert.h>
#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/progress.h"
#include "measure/judge.h"

enum { ROWS_A_THREAD = 8, BATCHES_MOST = 4 };
static const double patience_s = 1; /* with judges that are late, at the end */

typedef struct Kept {
  StatsJob of;  /* what was asked for */
  StatsJob job; /* of the copies below */
  Tensor base, other;
  TensorStats tensor_row;
  PairStats pair_row;
  bool judged, told; /* and that it was: to who adds rows */
} Kept;

/* Rows that were kept together: their room is free again when all are judged. */
typedef struct Batch {
  int64_t begun; /* how many were begun before it */
  Kept *kept;    /* [most] */
  int count, taken, judged;
  int placed;       /* behind `count`: those that have room, and whose tensors are to be copied */
  int fault;        /* the first that is not what GSL says; -1: none */
  Arena room, left; /* for the copies: all, and what is left */
} Batch;

struct JudgeQueue {
  Arena own;              /* what this stands in: left to judges that are late at the end */
  size_t elements, parts; /* of a tensor, and its rows and columns together, at most */
  int most;               /* rows of a batch */
  int batches, now;       /* the batch that is filled */
  int64_t begun;          /* so far */
  Batch batch[BATCHES_MOST];
  pthread_mutex_t lock; /* of all below, and of a batch's counts */
  pthread_cond_t more, less;
  bool leaves;
  int judges, judging; /* threads; rows in their hands */
  pthread_t *thread;   /* [judges] */
};

typedef struct Judge {
  JudgeQueue *queue;
  Arena scratch;
} Judge;

static size_t elements_of(const StatsJob *job) { return tensor_elements(job->base); }

static size_t parts_of(const StatsJob *job) {
  return (size_t)job->base->rows + (size_t)job->base->cols;
}

/* --- memory ----------------------------------------------------------------------------------- */

/* Of a row's two tensors, at their widest. */
static size_t copies_bytes(size_t elements) { return 2 * (elements * sizeof(double) + 64); }

/* Fewer threads than processors have no judges beside them: they judge what fills the room, all at
 * once. */
static int judges_of(int threads) { return threads < omp_get_num_procs() ? 0 : threads - 1; }

/* One that is judged holds up no more than its own batch; few judges take few. */
static int batches_of(int threads) {
  const int judges = judges_of(threads);
  return judges == 0 ? 1 : judges < 8 ? 2 : BATCHES_MOST;
}

static size_t room_bytes(size_t elements, int threads) {
  const int share = threads / batches_of(threads);
  return (size_t)(share > 1 ? share : 1) * copies_bytes(elements) + 4096;
}

static int rows_of(int threads) { return ROWS_A_THREAD * threads / batches_of(threads); }

static size_t scratch_bytes(size_t elements, size_t parts) {
  return judge_scratch_bytes(elements, parts) + 4096;
}

size_t judge_queue_bytes(size_t rows, size_t cols, int threads) {
  const size_t judge = scratch_bytes(rows * cols, rows + cols) + sizeof(pthread_t) + sizeof(Judge) +
                       128,
               kept = (size_t)rows_of(threads) * sizeof(Kept);
  return sizeof(JudgeQueue) +
         (size_t)batches_of(threads) * (room_bytes(rows * cols, threads) + kept) +
         (size_t)threads * judge + 4096;
}

static void exhausted(size_t wanted, size_t reserved) {
  (void)wanted, (void)reserved;
  abort(); /* judge_queue_bytes is what is taken */
}

/* --- who judges ------------------------------------------------------------------------------- */

/* With the lock, which it gives back while it judges. */
static void judge_one(JudgeQueue *q, Batch *b, int row, Arena scratch) {
  Kept *kept = &b->kept[row];
  pthread_mutex_unlock(&q->lock);
  const bool holds = judge_holds(&kept->job, scratch);
  pthread_mutex_lock(&q->lock);
  if (!holds && (b->fault < 0 || row < b->fault)) b->fault = row;
  b->judged += !kept->judged;
  kept->judged = true;
}

static bool has_more(const Batch *b) { return b->taken < b->count; }

static bool is_judged(const Batch *b) { return b->judged == b->count; }

/* Of those that are so (NULL: all) the one that was begun first, behind so many; NULL: none is.
 * `filled`: that which is filled among them. */
static Batch *first_of(JudgeQueue *q, bool (*is)(const Batch *), bool filled, int64_t behind) {
  Batch *first = NULL;
  for (int i = 0; i < q->batches; i++) {
    Batch *b = &q->batch[i];
    if ((i == q->now && !filled) || (is && !is(b)) || b->begun < behind) continue;
    if (!first || b->begun < first->begun) first = b;
  }
  return first;
}

static void *judge_rows(void *context) {
  const Judge *judge = context;
  JudgeQueue *q = judge->queue;
  const struct sched_param none = {0};
  sched_setscheduler(0, SCHED_IDLE, &none); /* where it is refused, it is as urgent as all else */
  pthread_mutex_lock(&q->lock);
  while (!q->leaves) {
    Batch *b = first_of(q, has_more, true, 0);
    if (!b) {
      pthread_cond_wait(&q->more, &q->lock);
      continue;
    }
    q->judging++;
    judge_one(q, b, b->taken++, judge->scratch);
    q->judging--;
    pthread_cond_signal(&q->less);
  }
  pthread_mutex_unlock(&q->lock);
  return NULL;
}

/* Signals are for the threads that were there before; OpenMP's are there first. */
static void start(JudgeQueue *q, int judges) {
  sigset_t all, before;
  Judge *judge = ARENA_NEW(&q->own, Judge, judges);
  q->thread = ARENA_NEW(&q->own, pthread_t, judges);
#pragma omp parallel
  { (void)q; }
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (; q->judges < judges; q->judges++) {
    judge[q->judges] = (Judge){q, arena_carve(&q->own, scratch_bytes(q->elements, q->parts))};
    if (pthread_create(&q->thread[q->judges], NULL, judge_rows, &judge[q->judges])) break;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

JudgeQueue *judge_queue_begin(size_t rows, size_t cols) {
  const int threads = omp_get_max_threads();
  const size_t bytes = judge_queue_bytes(rows, cols, threads);
  Status none = {0};
  Arena own;
  if (!arena_reserve(&own, bytes, exhausted, &none)) return NULL;
  if ((size_t)(own.end - own.base) < bytes) return arena_release(&own), NULL;
  JudgeQueue *q = ARENA_NEW(&own, JudgeQueue, 1);
  *q = (JudgeQueue){.own = own,
                    .elements = rows * cols,
                    .parts = rows + cols,
                    .most = rows_of(threads),
                    .batches = batches_of(threads)};
  for (int i = 0; i < q->batches; i++) {
    Batch *b = &q->batch[i];
    b->kept = ARENA_NEW(&q->own, Kept, q->most);
    b->fault = -1;
    b->begun = q->begun++;
    b->room = b->left = arena_carve(&q->own, room_bytes(q->elements, threads));
  }
  pthread_mutex_init(&q->lock, NULL);
  pthread_cond_init(&q->more, NULL);
  pthread_cond_init(&q->less, NULL);
  start(q, judges_of(threads));
  return q;
}

/* Whether no row is in a judge's hands, in time. */
static bool are_done(JudgeQueue *q) {
  const double until = clock_s() + patience_s;
  while (q->judging && clock_s() < until) {
    struct timespec soon;
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_nsec += 20000000;
    soon.tv_sec += soon.tv_nsec / 1000000000;
    soon.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&q->less, &q->lock, &soon);
  }
  return !q->judging;
}

/* What is late keeps its memory, and ends with its row. */
void judge_queue_leave(JudgeQueue *q) {
  if (!q) return;
  pthread_mutex_lock(&q->lock);
  q->leaves = true;
  pthread_cond_broadcast(&q->more);
  const bool done = are_done(q);
  const int judges = q->judges;
  Arena own = q->own;
  pthread_t *thread = q->thread;
  pthread_mutex_unlock(&q->lock);
  for (int i = 0; i < judges; i++)
    if (done)
      pthread_join(thread[i], NULL);
    else
      pthread_detach(thread[i]);
  if (done) arena_release(&own);
}

/* --- rows ------------------------------------------------------------------------------------- */

/* What no judge has taken of a batch is judged here, by all threads. */
static void help(JudgeQueue *q, Batch *b, Arena scratch) {
  const int threads = omp_get_max_threads();
  Arena *own = ARENA_NEW(&scratch, Arena, threads);
  pthread_mutex_lock(&q->lock);
  const bool needed = has_more(b);
  pthread_mutex_unlock(&q->lock);
  for (int i = 0; needed && i < threads; i++)
    own[i] = arena_carve(&scratch, scratch_bytes(q->elements, q->parts));
#pragma omp parallel if (needed)
  {
    pthread_mutex_lock(&q->lock);
    while (needed && has_more(b)) judge_one(q, b, b->taken++, own[omp_get_thread_num()]);
    pthread_mutex_unlock(&q->lock);
  }
}

/* Those that were judged since. Where one is not what GSL says the run ends, and none is told. With
 * the lock. */
static void tell(Batch *b, JudgedRows *judged) {
  for (int i = 0; i < b->count && b->fault < 0; i++) {
    Kept *kept = &b->kept[i];
    if (kept->judged && !kept->told) judged_add(judged, &kept->job);
    kept->told = kept->judged;
  }
}

/* All of a batch were judged: it is empty again. */
static bool empty(JudgeQueue *q, Batch *b, JudgedRows *judged, Arena scratch, Status *st) {
  pthread_mutex_lock(&q->lock);
  const int fault = b->fault;
  tell(b, judged);
  b->count = b->taken = b->judged = 0;
  b->fault = -1;
  b->left = b->room;
  pthread_mutex_unlock(&q->lock);
  return fault < 0 || judge_job(&b->kept[fault].job, scratch, st);
}

/* Another batch is the one that is filled, where all of one are judged: `ready`. */
static bool turn(JudgeQueue *q, bool *ready, JudgedRows *judged, Arena scratch, Status *st) {
  const bool alone = q->batches == 1;
  pthread_mutex_lock(&q->lock);
  Batch *next = first_of(q, is_judged, alone, 0);
  pthread_mutex_unlock(&q->lock);
  if (!next) {
    next = first_of(q, NULL, alone, 0);
    assert(next);
    help(q, next, scratch);
  }
  pthread_mutex_lock(&q->lock);
  *ready = is_judged(next);
  pthread_mutex_unlock(&q->lock);
  if (!*ready) return true;
  TRY(empty(q, next, judged, scratch, st));
  pthread_mutex_lock(&q->lock);
  q->now = (int)(next - q->batch);
  next->begun = q->begun++;
  pthread_mutex_unlock(&q->lock);
  return true;
}

/* Those in judges' hands too. */
static bool finish(JudgeQueue *q, Batch *b, JudgedRows *judged, Arena scratch, Status *st) {
  help(q, b, scratch);
  pthread_mutex_lock(&q->lock);
  for (int row = 0; row < b->count; row++)
    if (!b->kept[row].judged) judge_one(q, b, row, scratch);
  const int fault = b->fault;
  tell(b, judged);
  pthread_mutex_unlock(&q->lock);
  return fault < 0 || judge_job(&b->kept[fault].job, scratch, st);
}

bool judge_queue_end(JudgeQueue *q, JudgedRows *judged, Arena scratch, Status *st) {
  bool ok = true;
  int64_t behind = 0;
  for (Batch *b; q && ok && (b = first_of(q, NULL, true, behind)); behind = b->begun + 1)
    ok = finish(q, b, judged, scratch, st);
  judge_queue_leave(q);
  return ok;
}

/* Room for its rows, next to each other. */
static void place_copy(Arena *room, const Tensor *t, Tensor *copy) {
  *copy = *t;
  copy->stride = t->cols;
  copy->data = arena_room(room, tensor_elements(t), format_size(t->format));
}

static void place(Batch *b, const StatsJob *job) {
  Kept *kept = &b->kept[b->count + b->placed++];
  kept->judged = kept->told = false;
  kept->job = kept->of = *job;
  place_copy(&b->left, job->base, &kept->base);
  kept->job.base = &kept->base;
  if (job->other) place_copy(&b->left, job->other, &kept->other), kept->job.other = &kept->other;
  if (job->tensor_row)
    kept->tensor_row = *job->tensor_row, kept->job.tensor_row = &kept->tensor_row;
  if (job->pair_row) kept->pair_row = *job->pair_row, kept->job.pair_row = &kept->pair_row;
}

/* By all threads at once, for those that were placed; and to the judges with them. */
static void copy_placed(JudgeQueue *q) {
  Batch *b = &q->batch[q->now];
  Kept *placed = b->kept + b->count;
#pragma omp parallel for schedule(dynamic) if (b->placed)
  for (int i = 0; i < 2 * b->placed; i++) {
    const Kept *kept = &placed[i / 2];
    if (i % 2 == 0) tensor_pack(kept->of.base, kept->base.data);
    if (i % 2 == 1 && kept->of.other) tensor_pack(kept->of.other, kept->other.data);
  }
  pthread_mutex_lock(&q->lock);
  b->count += b->placed;
  b->placed = 0;
  pthread_cond_broadcast(&q->more);
  pthread_mutex_unlock(&q->lock);
}

/* Whether there is room for another. */
static bool fits(const JudgeQueue *q, const StatsJob *job) {
  const Batch *b = &q->batch[q->now];
  const size_t one = elements_of(job) * format_size(job->base->format) + 64,
               other = job->other ? elements_of(job) * format_size(job->other->format) + 64 : 0;
  return b->count + b->placed < q->most && one + other <= (size_t)(b->left.end - b->left.next);
}

/* Places a row; or judges it, where there is no room and none to be had. */
static bool add(JudgeQueue *q, const StatsJob *job, JudgedRows *judged, Arena scratch, Status *st) {
  bool ready = q && elements_of(job) <= q->elements && parts_of(job) <= q->parts;
  if (job->tensor_row) job->tensor_row->checked = 1;
  if (job->pair_row) job->pair_row->checked = 1;
  if (ready && !fits(q, job)) {
    copy_placed(q);
    TRY(turn(q, &ready, judged, scratch, st));
  }
  if (ready) return place(&q->batch[q->now], job), true;
  TRY(judge_job(job, scratch, st));
  return judged_add(judged, job), true;
}

int judge_queue_most(const JudgeQueue *q) { return q ? q->batches * q->most : 0; }

bool judge_queue_add(JudgeQueue *q, const StatsJob *const *job, int jobs, JudgedRows *judged,
                     Arena scratch, Status *st) {
  bool ok = true;
  for (int i = 0; ok && i < jobs; i++) ok = add(q, job[i], judged, scratch, st);
  if (!q) return ok;
  copy_placed(q);
  pthread_mutex_lock(&q->lock);
  for (int i = 0; i < q->batches; i++) tell(&q->batch[i], judged);
  pthread_mutex_unlock(&q->lock);
  return ok;
}
