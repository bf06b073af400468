#include "study/clipped.h"

#include <omp.h>
#include <string.h>

#include "measure/clipping.h"
#include "measure/device.h"
#include "study/scales.h"

/* A weight of a layer, and its row. */
typedef struct Job {
  const WeightInfo *info;
  const double *value; /* [rows, cols], here or on the device */
  float scale;
  const Prepared *i8; /* here */
  Clipping *row;
} Job;

/* The int8 form as one tensor: as it is, or out of its panels into `room`. */
static Tensor int8_of(const Job *job, int rows, int cols, int8_t *room) {
  if (job->info->form != FORM_LINEAR) {
    Tensor values = job->i8->values;
    return tensor_of(values.data, FORMAT_I8, rows, cols, job->scale);
  }
  for (int r = 0; r < rows; r++)
    linear_unpack(&job->i8->linear, r, room + (size_t)r * (size_t)cols);
  return tensor_of(room, FORMAT_I8, rows, cols, job->scale);
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
  return arena_lines(values + clipping_scratch_bytes(values, rows, rows) + 64);
}

struct Clipped {
  const Spec *spec;
  const Subject *subject;
  Clipping *row; /* [layers * weights] */
  size_t rows;
  double time_s;
  Arena arena;  /* of the threads, one after the other */
  char *there;  /* with a device: of a layer's int8 values, and of results, */
  void *pinned; /* which come back to here */
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

/* --- where layers are made on a device -------------------------------------------------------- */

/* A layer's weights there, as what is measured. */
typedef struct There {
  Tensor value[WEIGHTS_MOST], i8[WEIGHTS_MOST];
  StatsJob job[WEIGHTS_MOST];
} There;

/* Bytes of all int8 values, which stand from c->there on, each row-major by itself. */
static size_t list_there(const Clipped *c, const Job *job, int jobs, There *t) {
  const Config *config = &c->subject->model.config;
  size_t at = 0;
  for (int i = 0; i < jobs; i++) {
    const int rows = weight_rows(config, job[i].info), cols = weight_cols(config, job[i].info);
    t->value[i] = tensor_of((void *)(uintptr_t)job[i].value, FORMAT_F64, rows, cols, 0);
    t->i8[i] = tensor_of(c->there ? c->there + at : NULL, FORMAT_I8, rows, cols, job[i].scale);
    t->job[i] = (StatsJob){.base = &t->value[i],
                           .other = &t->i8[i],
                           .scale = job[i].scale,
                           .clipping_row = job[i].row};
    at += arena_lines(weight_values(config, job[i].info));
  }
  return at;
}

/* The first layer's room is every layer's. */
static bool reserve_there(Clipped *c, size_t i8_bytes, StatsDeviceBytes bytes, Status *st) {
  Cuda *cuda = &c->subject->device->cuda;
  if (c->there) return true;
  c->there = cuda_reserve(cuda, i8_bytes + bytes.device);
  c->pinned = cuda_pinned(cuda, bytes.pinned);
  return (c->there && c->pinned) ||
         FAIL(st, "%s: %.2f GB for what int8 makes of a layer's weights cannot be had there",
              cuda->name, 1e-9 * (double)(i8_bytes + bytes.device));
}

static bool fill_rows_there(Clipped *c, const Job *job, int jobs, Status *st) {
  Device *d = c->subject->device;
  There t;
  const size_t i8_bytes = list_there(c, job, jobs, &t);
  TRY(reserve_there(c, i8_bytes, stats_device_bytes(t.job, jobs), st));
  list_there(c, job, jobs, &t); /* where that is */
  for (int i = 0; i < jobs; i++)
    prepare_values(&d->cuda, job[i].value, weight_values(&c->subject->model.config, job[i].info),
                   job[i].scale, NULL, t.i8[i].data);
  TRY(maker_wait(&d->maker, st));
  stats_device_queue(&d->cuda, t.job, jobs, c->there + i8_bytes, c->pinned);
  TRY(device_wait(d, st));
  stats_device_finish(t.job, jobs, c->pinned, c->arena);
  return true;
}

/* --- riding ----------------------------------------------------------------------------------- */

static void done(Clipped *c) {
  Cuda *cuda = c->there ? &c->subject->device->cuda : NULL;
  if (c->there) cuda_release(cuda, c->there);
  if (c->pinned) cuda_unpin(cuda, c->pinned);
  c->there = NULL, c->pinned = NULL;
  arena_give_back(&c->arena);
}

static bool ride(void *context, int layer, Status *st) {
  Clipped *c = context;
  const Config *config = &c->subject->model.config;
  Device *d = c->subject->device;
  const double start = clock_s();
  Job job[WEIGHTS_MOST];
  int jobs = 0;
  if (d) TRY(made_hold(&d->made, layer, st));
  for (int w = 0; w < config->family->weights; w++) {
    const WeightInfo *info = &config->family->weight[w];
    const double *value = d ? d->made.layer[layer][w] : c->subject->weights.layer[layer][w];
    if (!value || !scales_weight_used(c->spec, info, layer)) continue;
    Clipping *to = &c->row[c->rows++];
    to->layer = layer;
    table_text(to->tensor, sizeof to->tensor, weight_short_name(info));
    job[jobs++] = (Job){.info = info,
                        .value = value,
                        .scale = c->subject->layers->grid[layer][w].scale,
                        .i8 = &c->subject->model.layer[layer].i8[w],
                        .row = to};
  }
  if (d && jobs) TRY(fill_rows_there(c, job, jobs, st));
  if (!d) fill_rows(c, job, jobs);
  c->time_s += clock_s() - start;
  if (layer == config->layers - 1) done(c);
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
  Forms forms = {.f64 = !subject->device};
  for (int i = 0; !subject->device && i < config->layers * config->family->weights; i++)
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
