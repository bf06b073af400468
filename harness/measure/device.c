/* device: what stands where. The parts of all jobs, by kind, and behind them their results lie in
 * one piece of memory there and in one of the same form here: a layout is made of either, and one
 * copy brings all results. Behind the results stand there the keys of |d|, for as many pairs as
 * fit: those beyond take the place of the ones before; and the sums of digests' blocks. */
#include "measure/device.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/quantiles.h"
#include "measure/clipping.h"
#include "measure/finish.h"
#include "measure/stats.h"

_Static_assert((int)DEVICE_QUANTILES == (int)PAIR_QUANTILES && (int)DEVICE_FIRST == FIRST_VALUES,
               "what the kernels fill is what a row takes");

enum { KEYS_LEAST = 1 << 26 }; /* 512 MB of keys, or those of the largest pair */

typedef enum Kind { KIND_TENSOR, KIND_PAIR, KIND_CLIP, KIND_TOP, KINDS } Kind;

/* Hands out a piece of memory that may be NULL: then it is only measured. */
typedef struct Room {
  char *base;
  size_t used;
} Room;

static void *take(Room *room, size_t count, size_t size) {
  void *at = room->base ? room->base + room->used : NULL;
  room->used += arena_lines(count * size);
  return at;
}

static bool has(const StatsJob *job, Kind kind) {
  switch (kind) {
    case KIND_TENSOR: return job->tensor_row != NULL;
    case KIND_PAIR: return job->pair_row != NULL;
    case KIND_CLIP: return job->clipping_row != NULL;
    default: return job->pair_row && job->logits;
  }
}

static int count_kind(const StatsJob *job, int jobs, Kind kind) {
  int count = 0;
  for (int i = 0; i < jobs; i++) count += has(&job[i], kind);
  return count;
}

static void take_results(Room *room, Kind kind, DevicePart *part) {
  const Blocks *b = &part->blocks;
  const size_t pieces = b->rows * b->pieces, channels = part->channels_are_rows ? b->rows : b->cols;
  if (kind == KIND_TENSOR) {
    part->tensor = take(room, b->count, sizeof *part->tensor);
    part->first = take(room, DEVICE_FIRST, sizeof *part->first);
    if (part->digested) part->lanes = take(room, DIGEST_LANES, sizeof *part->lanes);
  }
  if (kind == KIND_PAIR) {
    part->pair = take(room, b->count, sizeof *part->pair);
    part->row_error2 = take(room, pieces, sizeof(double));
    part->row_base2 = take(room, pieces, sizeof(double));
    part->column_error2 = take(room, b->cols, sizeof(double));
    part->column_base2 = take(room, b->cols, sizeof(double));
    part->order = take(room, 2 * DEVICE_QUANTILES, sizeof(double));
  }
  if (kind == KIND_CLIP) {
    part->clip = take(room, b->count, sizeof *part->clip);
    part->row_error2 = take(room, pieces, sizeof(double));
    part->column_error2 = take(room, b->cols, sizeof(double));
    part->met = take(room, channels, 1);
  }
  if (kind == KIND_TOP) {
    part->top_a = take(room, b->rows, sizeof(int32_t));
    part->top_b = take(room, b->rows, sizeof(int32_t));
  }
}

static DevicePart part_of_job(const StatsJob *job) {
  return (DevicePart){
      .a = *job->base,
      .b = job->other ? *job->other : (Tensor){0},
      .blocks = blocks_of((size_t)job->base->rows, (size_t)job->base->cols),
      .scale = job->scale,
      .digested = job->tensor_row && digest_has_parts(job->base) ? tensor_bytes(job->base) : 0,
      .channels_are_rows = !job->rows_are_tokens};
}

/* A list of all parts of a kind; `part` [those]. */
static DeviceParts list_parts(Room *room, const StatsJob *job, int jobs, Kind kind,
                              DevicePart *part) {
  DeviceParts list = {.part = part};
  for (int i = 0; i < jobs; i++) {
    if (!has(&job[i], kind)) continue;
    DevicePart one = part_of_job(&job[i]);
    one.first_block = list.blocks;
    one.first_panel = list.panels;
    one.first_row = list.rows;
    one.first_digest = list.digests;
    take_results(room, kind, &one);
    list.blocks += one.blocks.count;
    list.panels += (one.blocks.cols + DEVICE_PANEL - 1) / DEVICE_PANEL;
    list.rows += one.blocks.rows;
    list.digests += one.digested ? digest_blocks(one.digested) : 0;
    if (part) part[list.count] = one;
    list.count++;
  }
  return list;
}

typedef struct Layout {
  DeviceParts list[KINDS];
  size_t bytes, parts_bytes; /* all of it; of these the parts, which come first */
} Layout;

/* Results as they stand behind `results`; the parts themselves are written to `parts`: either NULL:
 * measured alone. */
static Layout lay_out(const StatsJob *job, int jobs, void *results, DevicePart *parts) {
  Layout layout = {0};
  Room room = {.base = results};
  int all = 0;
  for (Kind k = 0; k < KINDS; k++) all += count_kind(job, jobs, k);
  take(&room, (size_t)all, sizeof *parts);
  layout.parts_bytes = room.used;
  for (Kind k = 0; k < KINDS; k++) {
    layout.list[k] = list_parts(&room, job, jobs, k, parts);
    if (parts) parts += layout.list[k].count;
  }
  layout.bytes = room.used;
  return layout;
}

/* Keys that stand there at a time. */
static size_t keys_most(const StatsJob *job, int jobs) {
  size_t all = 0, largest = 0;
  for (int i = 0; i < jobs; i++) {
    if (!job[i].pair_row) continue;
    const size_t n = tensor_elements(job[i].base);
    all += n;
    largest = n > largest ? n : largest;
  }
  return all < KEYS_LEAST ? all : largest > KEYS_LEAST ? largest : KEYS_LEAST;
}

StatsDeviceBytes stats_device_bytes(const StatsJob *job, int jobs) {
  const Layout layout = lay_out(job, jobs, NULL, NULL);
  const size_t keys = keys_most(job, jobs) * sizeof(int64_t),
               sums = layout.list[KIND_TENSOR].digests * DIGEST_LANES * sizeof(uint64_t);
  return (StatsDeviceBytes){layout.bytes + keys + sums, layout.bytes};
}

static bool can_read(const Tensor *t) {
  return t->scale.axis == SCALE_NONE && (t->format == FORMAT_F32 || t->format == FORMAT_F16 ||
                                         t->format == FORMAT_I8 || t->format == FORMAT_F64);
}

bool stats_device_can(const StatsJob *job) {
  return can_read(job->base) && (!job->other || can_read(job->other));
}

/* --- there ------------------------------------------------------------------------------------ */

/* Of so many pairs from `first` on, the keys of which fit; the parts count from there. */
static int fit_keys(DevicePart *part, int first, int count, int64_t *keys, size_t most) {
  const size_t blocks = part[first].first_block, panels = part[first].first_panel;
  size_t used = 0;
  int end = first;
  for (; end < count; end++) {
    const size_t n = part[end].blocks.rows * part[end].blocks.cols;
    if (used && used + n > most) break;
    part[end].key = keys + used;
    part[end].first_block -= blocks;
    part[end].first_panel -= panels;
    used += n;
  }
  return end;
}

static DeviceParts some_parts(const DevicePart *here, const DevicePart *there, int first, int end) {
  DeviceParts some = {.part = there + first, .count = end - first};
  for (int i = first; i < end; i++) {
    some.blocks += here[i].blocks.count;
    some.panels += (here[i].blocks.cols + DEVICE_PANEL - 1) / DEVICE_PANEL;
    some.rows += here[i].blocks.rows;
  }
  return some;
}

void stats_device_queue(Cuda *cuda, const StatsJob *job, int jobs, void *device, void *pinned) {
  const Layout layout = lay_out(job, jobs, device, pinned);
  int64_t *keys = (int64_t *)((char *)device + layout.bytes);
  const size_t most = keys_most(job, jobs);
  DevicePart *here = pinned;
  const DevicePart *there = device;
  int first[KINDS], group[1 + jobs], groups = 0;
  for (int k = 0, at = 0; k < KINDS; at += layout.list[k++].count) first[k] = at;
  DevicePart *pairs = here + first[KIND_PAIR];
  group[0] = 0;
  for (int at = 0; at < layout.list[KIND_PAIR].count; group[++groups] = at)
    at = fit_keys(pairs, at, layout.list[KIND_PAIR].count, keys, most);

  cuda_to_device(cuda, device, pinned, layout.parts_bytes);
  cuda_zero(cuda, (char *)device + layout.parts_bytes, layout.bytes - layout.parts_bytes);
  DeviceParts tensors = some_parts(here, there, first[KIND_TENSOR], first[KIND_PAIR]);
  tensors.digests = layout.list[KIND_TENSOR].digests;
  device_tensors(cuda, tensors);
  device_digests(cuda, tensors, (uint64_t *)(keys + most));
  for (int g = 0; g < groups; g++)
    device_pairs(cuda, some_parts(here, there, first[KIND_PAIR] + group[g],
                                  first[KIND_PAIR] + group[g + 1]));
  device_clips(cuda, some_parts(here, there, first[KIND_CLIP], first[KIND_TOP]));
  device_tops(cuda, some_parts(here, there, first[KIND_TOP],
                               first[KIND_TOP] + layout.list[KIND_TOP].count));
  cuda_to_host(cuda, (char *)pinned + layout.parts_bytes, (char *)device + layout.parts_bytes,
               layout.bytes - layout.parts_bytes);
}

/* --- here ------------------------------------------------------------------------------------- */

/* The squares of a row are those of its pieces, in order. */
static void join_pieces(const Blocks *b, const double *piece, double *row) {
  for (size_t r = 0; r < b->rows; r++)
    for (size_t p = 0; p < b->pieces; p++) row[r] += piece[r * b->pieces + p];
}

static void finish_pair_part(const StatsJob *job, const DevicePart *part, Arena scratch) {
  const Blocks *b = &part->blocks;
  double quantile[PAIR_QUANTILES];
  size_t kept = 0;
  for (size_t i = 0; i < b->count; i++) kept += (size_t)part->pair[i].kept;
  for (int q = 0; q < PAIR_QUANTILES; q++)
    quantile[q] =
        kept ? quantile_between(kept, pair_quantiles[q], part->order[2 * q], part->order[2 * q + 1])
             : NAN;
  const PartSquares rows = job->token.error2 ? job->token : part_squares(&scratch, b->rows);
  join_pieces(b, part->row_error2, rows.error2);
  join_pieces(b, part->row_base2, rows.base2);
  PairRest rest = {.rows = rows,
                   .columns = {part->column_error2, part->column_base2},
                   .quantile = quantile,
                   .room = ARENA_NEW(&scratch, double, b->rows > b->cols ? b->rows : b->cols)};
  finish_pair(job->base, job->other, part->pair, &rest, job->pair_row);
  if (!job->rows_are_tokens) stats_no_tokens(job->pair_row);
  job->pair_row->checked = 0;
  stats_no_top1(job->pair_row);
}

static void finish_clip_part(const StatsJob *job, const DevicePart *part, Arena scratch) {
  const Blocks *b = &part->blocks;
  const size_t channels = part->channels_are_rows ? b->rows : b->cols;
  ClipFinish of = {.scale = job->scale,
                   .channels = {.are_rows = part->channels_are_rows,
                                .count = channels,
                                .error2 = ARENA_NEW(&scratch, double, channels),
                                .met = ARENA_NEW(&scratch, bool, channels)}};
  if (part->channels_are_rows)
    join_pieces(b, part->row_error2, of.channels.error2);
  else
    memcpy(of.channels.error2, part->column_error2, channels * sizeof(double));
  for (size_t c = 0; c < channels; c++) of.channels.met[c] = part->met[c] != 0;
  clipping_finish(b, part->clip, &of, job->clipping_row);
}

static void finish_part(Kind kind, const StatsJob *job, const DevicePart *part, Arena scratch) {
  switch (kind) {
    case KIND_TENSOR:
      finish_tensor(job->base, job->scale, part->tensor, part->first, job->tensor_row);
      job->tensor_row->checked = 0;
      memset(job->tensor_row->digest, 0, sizeof job->tensor_row->digest);
      if (part->digested) digest_of_lanes(part->lanes, part->digested, job->tensor_row->digest);
      break;
    case KIND_PAIR: finish_pair_part(job, part, scratch); break;
    case KIND_CLIP: finish_clip_part(job, part, scratch); break;
    default: stats_top1_of(part->top_a, part->top_b, part->blocks.rows, job->pair_row); break;
  }
}

static size_t finish_bytes(const StatsJob *job, int jobs) {
  size_t most = 0;
  for (int i = 0; i < jobs; i++) {
    const size_t rows = (size_t)job[i].base->rows, cols = (size_t)job[i].base->cols,
                 bytes = (3 * rows + 2 * cols) * sizeof(double) + 4 * 64;
    most = bytes > most ? bytes : most;
  }
  return most;
}

size_t stats_device_scratch_bytes(const StatsJob *job, int jobs) {
  return (size_t)omp_get_max_threads() * (finish_bytes(job, jobs) + sizeof(Arena) + 64) +
         (size_t)jobs * KINDS * (sizeof(DevicePart) + sizeof(StatsJob *) + sizeof(Kind)) + 4 * 64;
}

void stats_device_finish(const StatsJob *job, int jobs, const void *pinned, Arena scratch) {
  DevicePart *part = ARENA_NEW(&scratch, DevicePart, jobs * KINDS);
  const Layout layout = lay_out(job, jobs, (void *)(uintptr_t)pinned, part);
  const int threads = omp_get_max_threads();
  Arena *own = ARENA_NEW(&scratch, Arena, threads);
  for (int i = 0; i < threads; i++) own[i] = arena_carve(&scratch, finish_bytes(job, jobs));
  const StatsJob **of = ARENA_NEW(&scratch, const StatsJob *, jobs *KINDS);
  Kind *kind = ARENA_NEW(&scratch, Kind, jobs * KINDS);
  int count = 0;
  for (Kind k = 0; k < KINDS; k++)
    for (int i = 0; i < jobs; i++)
      if (has(&job[i], k)) kind[count] = k, of[count++] = &job[i];
  const int tops = layout.list[KIND_TOP].count; /* into rows that the pairs' parts have filled */
#pragma omp parallel for schedule(dynamic)
  for (int i = 0; i < count - tops; i++)
    finish_part(kind[i], of[i], &part[i], own[omp_get_thread_num()]);
#pragma omp parallel for if (tops > 0)
  for (int i = count - tops; i < count; i++)
    finish_part(kind[i], of[i], &part[i], own[omp_get_thread_num()]);
}
