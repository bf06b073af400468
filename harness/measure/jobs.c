#include "measure/jobs.h"

#include <omp.h>

#include "measure/alike.h"
#include "measure/clipping.h"
#include "measure/judge.h"
#include "measure/stats.h"

/* What is known of either tensor of a pair: the results of its blocks. */
typedef struct Known {
  TensorBlock **own; /* [jobs]: of a tensor's row; else NULL */
  int *of;           /* [jobs]: the job whose row it is, of those alike */
  const StatsJob *job;
  int jobs;
} Known;

static const TensorBlock *known_of(const Known *k, const Tensor *t) {
  for (int i = 0; i < k->jobs; i++)
    if (k->own[i] && k->job[i].base == t) return k->own[k->of[i]];
  return NULL;
}

static void fill_pair(const Known *k, const StatsJob *job, Arena scratch) {
  const PairKnown known = {known_of(k, job->base), known_of(k, job->other), job->token};
  stats_pair_known(job->base, job->other, known, job->pair_row, scratch);
  if (!job->rows_are_tokens) stats_no_tokens(job->pair_row);
  stats_no_top1(job->pair_row);
  if (job->logits) stats_top1(job->base, job->other, job->pair_row);
}

static void fill_pair_row(const Known *k, const StatsJob *job, Arena scratch) {
  job->pair_row->checked = job->by == STATS_GSL;
  if (job->by == STATS_GSL)
    judge_fill(job, scratch);
  else
    fill_pair(k, job, scratch);
}

static void fill_tensor_row(const StatsJob *job, TensorBlock *own, Arena scratch) {
  job->tensor_row->checked = job->by == STATS_GSL;
  if (job->by == STATS_GSL)
    judge_fill(job, scratch);
  else
    stats_tensor_blocks(job->base, job->scale, own, job->tensor_row, scratch);
}

static void fill_row(const Known *k, const StatsJob *job, Arena scratch) {
  if (job->clipping_row)
    clipping_of(job->base, job->other, job->scale, job->rows_are_tokens, job->clipping_row,
                scratch);
  if (job->pair_row) fill_pair_row(k, job, scratch);
}

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

static size_t job_bytes(const StatsJob *job) {
  const size_t rows = (size_t)job->base->rows, cols = (size_t)job->base->cols, n = rows * cols,
               parts = rows + cols;
  if (job->clipping_row) return clipping_scratch_bytes(n, rows, parts);
  const size_t lanes = stats_scratch_bytes(n, parts);
  return job->by == STATS_LANES ? lanes : larger(lanes, judge_scratch_bytes(n, parts));
}

/* Scratch for rows. Logits take many times as much as all else, and are few: what takes more than
 * half of the most has one of the large rooms, of which there are as many as are wanted at once,
 * and no thread keeps one. */
typedef struct Rooms {
  size_t small; /* bytes */
  Arena *own;   /* [threads]: of so many */
  Arena *large; /* [larges] */
  bool *taken;
  int larges;
} Rooms;

static Rooms rooms_of(const StatsJob *job, int jobs, Arena *scratch) {
  const int threads = omp_get_max_threads();
  size_t most = 0, small = 0;
  int tensors = 0, others = 0;
  for (int i = 0; i < jobs; i++) most = larger(most, job_bytes(&job[i]));
  for (int i = 0; i < jobs; i++) {
    const size_t bytes = job_bytes(&job[i]);
    if (bytes <= most / 2)
      small = larger(small, bytes);
    else
      tensors += job[i].tensor_row != NULL, others += job[i].tensor_row == NULL;
  }
  const int wanted = tensors > others ? tensors : others; /* one after the other */
  Rooms r = {.small = small, .larges = wanted < threads ? wanted : threads};
  r.own = ARENA_NEW(scratch, Arena, threads);
  r.large = ARENA_NEW(scratch, Arena, r.larges);
  r.taken = ARENA_NEW(scratch, bool, r.larges);
  for (int i = 0; i < r.larges; i++) r.large[i] = arena_carve(scratch, most), r.taken[i] = false;
  for (int i = 0; i < threads; i++) r.own[i] = arena_carve(scratch, small);
  return r;
}

/* The first that is free: there is one. */
static int take_large(const Rooms *r) {
  int at = 0;
#pragma omp critical(stats_rooms)
  {
    while (r->taken[at]) at++;
    r->taken[at] = true;
  }
  return at;
}

static void leave_large(const Rooms *r, int at) {
#pragma omp critical(stats_rooms)
  r->taken[at] = false;
}

/* A pair by GSL leaves the squares of its tokens as any other. */
static void fill_tokens(const StatsJob *job) {
  if (job->by == STATS_GSL && job->token.error2) row_squares(job->base, job->other, job->token);
}

static void fill(const Known *k, int i, Arena scratch) {
  const StatsJob *job = &k->job[i];
  if (k->of[i] != i) return;
  if (job->tensor_row) {
    fill_tensor_row(job, k->own[i], scratch);
  } else {
    fill_row(k, job, scratch);
    fill_tokens(job);
  }
}

static void fill_in_room(const Known *k, int i, const Rooms *r) {
  const bool is_small = job_bytes(&k->job[i]) <= r->small;
  const int at = is_small || k->of[i] != i ? ABSENT : take_large(r);
  fill(k, i, at == ABSENT ? r->own[omp_get_thread_num()] : r->large[at]);
  if (at != ABSENT) leave_large(r, at);
}

static void copy(const Known *k, int i) {
  if (k->of[i] != i) alike_copy(&k->job[i], &k->job[k->of[i]]);
}

/* Rows are independent, each by one thread in an arena of its own, but that a pair takes what is
 * known of its tensors. */
void stats_jobs(const StatsJob *job, int jobs, Arena scratch) {
  Known known = {ARENA_NEW(&scratch, TensorBlock *, jobs), ARENA_NEW(&scratch, int, jobs), job,
                 jobs};
  for (int i = 0; i < jobs; i++)
    if (job[i].tensor_row && job[i].by != STATS_GSL)
      known.own[i] = stats_blocks(job[i].base, &scratch);
  const Rooms rooms = rooms_of(job, jobs, &scratch);
#pragma omp parallel
  {
#pragma omp for schedule(dynamic)
    for (int i = 0; i < jobs; i++) known.of[i] = alike_tensor(job, i);
#pragma omp single
    alike_others(job, jobs, known.of, scratch);
#pragma omp for schedule(dynamic)
    for (int i = 0; i < jobs; i++)
      if (job[i].tensor_row) fill_in_room(&known, i, &rooms);
#pragma omp for schedule(dynamic)
    for (int i = 0; i < jobs; i++)
      if (!job[i].tensor_row) fill_in_room(&known, i, &rooms);
#pragma omp for
    for (int i = 0; i < jobs; i++) copy(&known, i);
  }
}
