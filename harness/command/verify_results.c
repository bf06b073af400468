#include "command/verify_results.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/child.h"
#include "family/family.h"
#include "kernels/f16.h"
#include "measure/judge.h"
#include "measure/tensors.h"
#include "store/store.h"

/* What of the file is looked at. */
typedef struct File {
  Results results;
  Tensors tensors;
  TensorStats *tensor;
  PairStats *pair;
  size_t tensor_count, pair_count;
  const TensorStats **ordered; /* the rows of tensors as compare_rows has them */
} File;

/* What a row is of. */
typedef struct Key {
  int layer;
  const char *tensor, *mode, *prompt;
} Key;

static int compare_with_key(const TensorStats *row, const Key *key) {
  if (row->layer != key->layer) return row->layer < key->layer ? -1 : 1;
  int order = strcmp(row->tensor, key->tensor);
  if (!order) order = strcmp(row->mode, key->mode);
  return order ? order : strcmp(row->prompt, key->prompt);
}

/* Rows of the same as they stand in the file. */
static int compare_rows(const void *left, const void *right) {
  const TensorStats *a = *(const TensorStats *const *)left, *b = *(const TensorStats *const *)right;
  const int order = compare_with_key(a, &(Key){b->layer, b->tensor, b->mode, b->prompt});
  return order ? order : (a > b) - (a < b);
}

static bool read_tables(Arena *arena, File *f, Status *st) {
  void *described = NULL, *tensor = NULL, *pair = NULL;
  size_t count = 0;
  TRY(results_rows(arena, &f->results, &table_tensors, &described, &count, st) &&
      results_rows(arena, &f->results, &table_tensor_stats, &tensor, &f->tensor_count, st) &&
      results_rows(arena, &f->results, &table_pair_stats, &pair, &f->pair_count, st));
  f->tensors = count ? tensors_of_rows(arena, described, count) : families[0]->tensors;
  f->tensor = tensor;
  f->pair = pair;
  const bool no_pairs = !f->pair_count && f->results.removed;
  if (!f->tensor_count || no_pairs)
    return FAIL(st, "%s: /tables/%s: is not in the file: there are no rows to verify",
                f->results.path, f->tensor_count ? table_pair_stats.name : table_tensor_stats.name);
  f->ordered = ARENA_NEW(arena, const TensorStats *, f->tensor_count);
  for (size_t i = 0; i < f->tensor_count; i++) f->ordered[i] = &f->tensor[i];
  qsort(f->ordered, f->tensor_count, sizeof(const TensorStats *), compare_rows);
  return true;
}

/* Float16 that was widened is narrowed again: its values are floats of 16 bits. */
static void as_halves(Arena *arena, Tensor *t) {
  const size_t n = tensor_elements(t);
  const float *from = t->data;
  uint16_t *to = arena_room(arena, n, sizeof *to);
  for (size_t i = 0; i < n; i++) to[i] = f16_of(from[i]);
  t->data = to;
  t->format = FORMAT_F16;
}

/* A row's tensor as the run had it; false where the file does not keep it. */
static bool find_tensor(const File *f, const TensorStats *row, Tensor *t, Arena *arena) {
  const int id = tensors_find(&f->tensors, row->tensor);
  Status why = {0};
  if (id == ABSENT) return false;
  const char *group = arena_printf(arena, "prompts/%s/%s", row->prompt, row->mode);
  if (id < f->tensors.layer) group = arena_printf(arena, "%s/layer_%02d", group, row->layer);
  if (!results_tensor(arena, &f->results, group, row->tensor, t, &why)) return false;
  if (!strcmp(row->type, format_name(FORMAT_F16)) && t->format == FORMAT_F32) as_halves(arena, t);
  t->kernel = row->kernel;
  t->nans = row->q8_nans;
  return !strcmp(row->type, format_name(t->format)) && t->rows == row->rows && t->cols == row->cols;
}

/* The first of them; NULL: there is none. */
static const TensorStats *row_of(const File *f, const PairStats *pair, const char *mode) {
  const Key key = {pair->layer, pair->tensor, mode, pair->prompt};
  size_t low = 0, high = f->tensor_count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (compare_with_key(f->ordered[middle], &key) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  const bool found = low < f->tensor_count && !compare_with_key(f->ordered[low], &key);
  return found ? f->ordered[low] : NULL;
}

static bool verify_tensor(const File *f, TensorStats *row, VerifiedRows *rows, Arena arena,
                          Status *st) {
  Tensor t;
  if (!find_tensor(f, row, &t, &arena)) return rows->tensors_left_out++, true;
  const StatsJob job = {
      .base = &t, .scale = isnan(row->scale) ? 0 : (float)row->scale, .tensor_row = row};
  rows->tensors++;
  return judge_job(&job, arena, st);
}

static bool verify_pair(const File *f, PairStats *row, VerifiedRows *rows, Arena arena,
                        Status *st) {
  const TensorStats *base = row_of(f, row, row->base), *other = row_of(f, row, row->other);
  Tensor a, b;
  if (!base || !other || !find_tensor(f, base, &a, &arena) || !find_tensor(f, other, &b, &arena))
    return rows->pairs_left_out++, true;
  const TensorInfo *info = &f->tensors.info[tensors_find(&f->tensors, row->tensor)];
  const StatsJob job = {.base = &a,
                        .other = &b,
                        .rows_are_tokens = info->rows == DIM_TOKEN,
                        .logits = info->role == ROLE_LOGITS,
                        .pair_row = row};
  rows->pairs++;
  return judge_job(&job, arena, st);
}

static bool verify_rows(File *f, VerifiedRows *rows, Arena arena, Status *st) {
  TRY(read_tables(&arena, f, st));
  child_has_read();
  child_take_time();
  bool ok = true;
  for (size_t i = 0; ok && i < f->tensor_count; i++)
    ok = verify_tensor(f, &f->tensor[i], rows, arena, st);
  for (size_t i = 0; ok && i < f->pair_count; i++)
    ok = verify_pair(f, &f->pair[i], rows, arena, st);
  if (!ok) status_lead(st, "%s: ", f->results.path);
  return ok;
}

bool verify_results(const char *path, VerifiedRows *rows, Arena arena, Status *st) {
  File f = {0};
  *rows = (VerifiedRows){0};
  TRY(results_open(path, &f.results, arena, st));
  bool ok = verify_rows(&f, rows, arena, st);
  results_close(&f.results);
  return ok;
}
