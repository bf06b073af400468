#include "study/clipped.h"

#include <omp.h>
#include <string.h>

#include "measure/clipping.h"
#include "study/scales.h"

/* A weight of a layer, and its row. */
typedef struct Job {
  const WeightInfo *info;
  const double *value; /* [rows, cols] */
  const Prepared *i8;
  Clipping *row;
} Job;

/* The int8 form as one tensor: as it is, or out of its panels into `room`. */
static Tensor int8_of(const Job *job, int rows, int cols, int8_t *room) {
  if (job->info->form != FORM_LINEAR) {
    Tensor values = job->i8->values;
    return tensor_of(values.data, FORMAT_I8, rows, cols, values.scale.value);
  }
  for (int r = 0; r < rows; r++) linear_unpack(&job->i8->linear, r, room + (size_t)r * (size_t)cols);
  return tensor_of(room, FORMAT_I8, rows, cols, job->i8->linear.scale);
}

static void fill_row(const Config *config, const Job *job, Arena scratch) {
  const int rows = weight_rows(config, job->info), cols = weight_cols(config, job->info);
  int8_t *room = arena_room(&scratch, weight_values(config, job->info), sizeof *room);
  const Tensor got = int8_of(job, rows, cols, room);
  const Tensor reference = tensor_of((void *)(uintptr_t)job->value, FORMAT_F64, rows, cols, 0);
  clipping_of(&reference, &got, got.scale.value, false, job->row, scratch);
}

static size_t scratch_bytes(const Config *config) {
  size_t values = 0, rows = 0;
  for (int w = 0; w < config->family->weights; w++) {
    const WeightInfo *info = &config->family->weight[w];
    const size_t own = weight_values(config, info), parts = (size_t)weight_rows(config, info);
    values = own > values ? own : values;
    rows = parts > rows ? parts : rows;
  }
  return values + clipping_scratch_bytes(rows) + 64;
}

static void fill_rows(const Config *config, const Job *job, int jobs, Arena scratch) {
  const int threads = omp_get_max_threads();
  Arena *own = ARENA_NEW(&scratch, Arena, threads);
  for (int i = 0; i < threads; i++) {
    own[i] = scratch;
    own[i].next = arena_room(&scratch, scratch_bytes(config), 1);
    own[i].end = scratch.next;
  }
#pragma omp parallel for schedule(dynamic)
  for (int i = 0; i < jobs; i++) fill_row(config, &job[i], own[omp_get_thread_num()]);
}

TableRows clipped_rows(Arena *arena, const Spec *spec, const Subject *subject, const Clipping *own, size_t owns) {
  const Config *config = &subject->model.config;
  const int most = config->layers * config->family->weights;
  Clipping *row = ARENA_NEW(arena, Clipping, owns + (size_t)most);
  if (owns) memcpy(row, own, owns * sizeof *own);
  Arena scratch = *arena;
  Job *job = ARENA_NEW(&scratch, Job, most);
  int jobs = 0;
  for (int layer = 0; layer < config->layers; layer++)
    for (int w = 0; w < config->family->weights; w++) {
      const WeightInfo *info = &config->family->weight[w];
      const double *value = subject->weights.layer[layer][w];
      if (!value || !scales_weight_used(spec, info)) continue;
      Clipping *to = &row[owns + (size_t)jobs];
      to->layer = layer;
      table_text(to->tensor, sizeof to->tensor, weight_short_name(info));
      job[jobs++] = (Job){info, value, &subject->model.layer[layer].i8[w], to};
    }
  fill_rows(config, job, jobs, scratch);
  return (TableRows){&table_clipping, row, owns + (size_t)jobs};
}
