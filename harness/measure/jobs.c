#include "measure/jobs.h"

#include <math.h>
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
  job->pair_row->top1_agreement = NAN;
  job->pair_row->top1_rows = job->pair_row->top1_left_out = 0;
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

size_t stats_jobs_bytes(const StatsJob *job, int jobs) {
  size_t most = 0;
  for (int i = 0; i < jobs; i++) {
    const size_t rows = (size_t)job[i].base->rows, cols = (size_t)job[i].base->cols,
                 n = rows * cols, parts = rows + cols;
    if (job[i].clipping_row) most = larger(most, clipping_scratch_bytes(n, rows, parts));
    if (job[i].tensor_row || job[i].pair_row) most = larger(most, stats_scratch_bytes(n, parts));
    if (job[i].by != STATS_LANES) most = larger(most, judge_scratch_bytes(n, parts));
  }
  return most;
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
  const int threads = omp_get_max_threads();
  Arena *own = ARENA_NEW(&scratch, Arena, threads);
  for (int i = 0; i < threads; i++) own[i] = arena_carve(&scratch, stats_jobs_bytes(job, jobs));
#pragma omp parallel
  {
    const Arena mine = own[omp_get_thread_num()];
#pragma omp for schedule(dynamic)
    for (int i = 0; i < jobs; i++) known.of[i] = alike_tensor(job, i);
#pragma omp single
    alike_others(job, jobs, known.of, scratch);
#pragma omp for schedule(dynamic)
    for (int i = 0; i < jobs; i++)
      if (job[i].tensor_row) fill(&known, i, mine);
#pragma omp for schedule(dynamic)
    for (int i = 0; i < jobs; i++)
      if (!job[i].tensor_row) fill(&known, i, mine);
#pragma omp for
    for (int i = 0; i < jobs; i++) copy(&known, i);
  }
}
