#include "measure/alike.h"

#include <string.h>

#include "measure/finish.h"

bool tensors_alike(const Tensor *a, const Tensor *b) {
  const size_t row = (size_t)a->cols * format_size(a->format);
  if (a->format != b->format || a->rows != b->rows || a->cols != b->cols) return false;
  if (a->scale.axis != SCALE_NONE || b->scale.axis != SCALE_NONE) return false;
  if (memcmp(&a->scale.value, &b->scale.value, sizeof a->scale.value) != 0) return false;
  for (int r = 0; a->data != b->data && r < a->rows; r++) {
    const Tensor of_a = tensor_rows(a, r, 1), of_b = tensor_rows(b, r, 1);
    if (memcmp(of_a.data, of_b.data, row) != 0) return false;
  }
  return a->data != b->data || a->stride == b->stride;
}

static bool of_one_name(const TensorStats *a, const TensorStats *b) {
  return a->layer == b->layer && !strcmp(a->tensor, b->tensor);
}

int alike_tensor(const StatsJob *job, int i) {
  if (!job[i].tensor_row || job[i].by == STATS_GSL) return i;
  for (int j = 0; j < i; j++)
    if (job[j].tensor_row && job[j].by != STATS_GSL && job[j].scale == job[i].scale &&
        of_one_name(job[j].tensor_row, job[i].tensor_row) &&
        tensors_alike(job[j].base, job[i].base))
      return j;
  return i;
}

/* The tensors of a job, by the first jobs of tensors alike; -1: it has no job of its own. */
typedef struct Ends {
  int base, other;
} Ends;

static int end_of(const StatsJob *job, int jobs, const int *of, const Tensor *t) {
  for (int i = 0; i < jobs; i++)
    if (job[i].tensor_row && job[i].by != STATS_GSL && job[i].base == t) return of[i];
  return -1;
}

static bool same_job(const StatsJob *a, const StatsJob *b) {
  return !a->tensor_row == !b->tensor_row && !a->pair_row == !b->pair_row &&
         !a->clipping_row == !b->clipping_row && a->by != STATS_GSL && b->by != STATS_GSL &&
         a->scale == b->scale && a->rows_are_tokens == b->rows_are_tokens &&
         a->logits == b->logits && !a->token.error2 == !b->token.error2;
}

void alike_others(const StatsJob *job, int jobs, int *of, Arena scratch) {
  Ends *end = ARENA_NEW(&scratch, Ends, jobs);
  for (int i = 0; i < jobs; i++) {
    if (job[i].tensor_row) continue;
    of[i] = i;
    end[i] = (Ends){end_of(job, jobs, of, job[i].base), end_of(job, jobs, of, job[i].other)};
    for (int j = 0; j < i && of[i] == i && end[i].base >= 0 && end[i].other >= 0; j++)
      if (!job[j].tensor_row && same_job(&job[j], &job[i]) && end[j].base == end[i].base &&
          end[j].other == end[i].other)
        of[i] = j;
  }
}

static void copy_tensor(const StatsJob *job, const TensorStats *from) {
  TensorStats *row = job->tensor_row, own = *row;
  *row = *from;
  memcpy(row->prompt, own.prompt, sizeof row->prompt);
  memcpy(row->mode, own.mode, sizeof row->mode);
  memcpy(row->digest, own.digest, sizeof row->digest);
  finish_witness(job->base, row);
}

static void copy_pair(const StatsJob *job, const StatsJob *from) {
  PairStats *row = job->pair_row, own = *row;
  const size_t rows = (size_t)job->base->rows;
  *row = *from->pair_row;
  memcpy(row->prompt, own.prompt, sizeof row->prompt);
  memcpy(row->base, own.base, sizeof row->base);
  memcpy(row->other, own.other, sizeof row->other);
  memcpy(row->tensor, own.tensor, sizeof row->tensor);
  row->same_kernel = tensors_of_one_kernel(job->base, job->other);
  if (!job->token.error2) return;
  memcpy(job->token.error2, from->token.error2, rows * sizeof *job->token.error2);
  memcpy(job->token.base2, from->token.base2, rows * sizeof *job->token.base2);
}

static void copy_clipping(const StatsJob *job, const Clipping *from) {
  Clipping *row = job->clipping_row, own = *row;
  *row = *from;
  memcpy(row->prompt, own.prompt, sizeof row->prompt);
  memcpy(row->mode, own.mode, sizeof row->mode);
  memcpy(row->tensor, own.tensor, sizeof row->tensor);
}

void alike_copy(const StatsJob *job, const StatsJob *from) {
  if (job->tensor_row) copy_tensor(job, from->tensor_row);
  if (job->pair_row) copy_pair(job, from);
  if (job->clipping_row) copy_clipping(job, from->clipping_row);
}
