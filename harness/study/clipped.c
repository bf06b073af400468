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
  for (int r = 0; r < rows; r++)
    linear_unpack(&job->i8->linear, r, room + (size_t)r * (size_t)cols);
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
  return (values + clipping_scratch_bytes(values, rows, rows) + 127) / 64 * 64;
}

struct Clipped {
  const Spec *spec;
  const Subject *subject;
  Clipping *row; /* [layers * weights] */
  size_t rows;
  double time_s;
  Arena arena; /* of the threads, one after the other */
};

static void fill_rows(const Clipped *c, const Job *job, int jobs) {
  const Config *config = &c->subject->model.config;
  const size_t bytes = scratch_bytes(config);
#pragma omp parallel for schedule(dynamic)
  for (int i = 0; i < jobs; i++) {
    Arena own = c->arena;
    own.next += (size_t)omp_get_thread_num() * bytes;
    own.end = own.next + bytes;
    fill_row(config, &job[i], own);
  }
}

static bool ride(void *context, int layer, Status *st) {
  (void)st;
  Clipped *c = context;
  const Config *config = &c->subject->model.config;
  const double start = clock_s();
  Job job[WEIGHTS_MOST];
  int jobs = 0;
  for (int w = 0; w < config->family->weights; w++) {
    const WeightInfo *info = &config->family->weight[w];
    const double *value = c->subject->weights.layer[layer][w];
    if (!value || !scales_weight_used(c->spec, info, layer)) continue;
    Clipping *to = &c->row[c->rows++];
    to->layer = layer;
    table_text(to->tensor, sizeof to->tensor, weight_short_name(info));
    job[jobs++] = (Job){info, value, &c->subject->model.layer[layer].i8[w], to};
  }
  fill_rows(c, job, jobs);
  c->time_s += clock_s() - start;
  if (layer == config->layers - 1) arena_give_back(&c->arena);
  return true;
}

size_t clipped_bytes(const Config *config, int threads) {
  return (size_t)threads * scratch_bytes(config);
}

Clipped *clipped_ride(Arena *arena, const Spec *spec, Subject *subject) {
  const Config *config = &subject->model.config;
  Clipped *c = ARENA_NEW(arena, Clipped, 1);
  *c = (Clipped){.spec = spec, .subject = subject};
  c->row = ARENA_NEW(arena, Clipping, config->layers * config->family->weights);
  c->arena = arena_carve(arena, clipped_bytes(config, omp_get_max_threads()));
  Forms forms = {.f64 = true};
  for (int i = 0; i < config->layers * config->family->weights; i++)
    if (scales_weight_used(spec, &config->family->weight[i % config->family->weights],
                           i / config->family->weights))
      forms.i8 |= 1u << i % config->family->weights;
  layers_ride(subject->layers, &(Rider){.context = c, .forms = forms, .ride = ride});
  return c;
}

TableRows clipped_rows(Arena *arena, const Clipped *c, const Clipping *own, size_t owns,
                       double *time_s) {
  Clipping *row = ARENA_NEW(arena, Clipping, owns + c->rows);
  if (owns) memcpy(row, own, owns * sizeof *own);
  memcpy(row + owns, c->row, c->rows * sizeof *row);
  *time_s = c->time_s;
  return (TableRows){&table_clipping, row, owns + c->rows};
}
