#include "measure/jobs.h"

#include <math.h>
#include <omp.h>

#include "measure/clipping.h"
#include "measure/stats.h"

static void fill_pair(const StatsJob *job, Arena scratch) {
  if (job->token.error2)
    stats_pair_rows(job->base, job->other, job->pair_row, job->token, scratch);
  else
    stats_pair(job->base, job->other, job->pair_row, scratch);
  if (!job->rows_are_tokens) stats_no_tokens(job->pair_row);
  job->pair_row->top1_agreement = NAN;
  if (job->logits) stats_top1(job->base, job->other, job->pair_row);
}

static void fill_row(const StatsJob *job, Arena scratch) {
  if (job->tensor_row) stats_tensor(job->base, job->scale, job->tensor_row, scratch);
  if (job->pair_row) fill_pair(job, scratch);
  if (job->clipping_row)
    clipping_of(job->base, job->other, job->scale, job->rows_are_tokens, job->clipping_row,
                scratch);
}

/* Rows are independent: each by one thread, in an arena of its own. */
void stats_jobs(const StatsJob *job, int jobs, Arena scratch) {
  size_t largest = 0, parts = 0;
  for (int i = 0; i < jobs; i++) {
    size_t rows = (size_t)job[i].base->rows, cols = (size_t)job[i].base->cols, n = rows * cols;
    largest = n > largest ? n : largest;
    parts = rows + cols > parts ? rows + cols : parts;
  }
  int threads = omp_get_max_threads();
  Arena *own = ARENA_NEW(&scratch, Arena, threads);
  const size_t bytes = stats_scratch_bytes(largest, parts) + clipping_scratch_bytes(parts);
  for (int i = 0; i < threads; i++) own[i] = arena_carve(&scratch, bytes);
#pragma omp parallel for schedule(dynamic)
  for (int i = 0; i < jobs; i++) fill_row(&job[i], own[omp_get_thread_num()]);
}
