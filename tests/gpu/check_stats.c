/* Rows of statistics computed on the device against the CPU's: tensors, pairs, clipping and largest
 * logits of every type the device takes, of sizes across the borders of blocks, warps and panels,
 * of random values and of such that are hard: not finite, zeros of both signs, all equal, equal
 * pairs, of every size at once, and one element. Every byte of every row is compared. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/digest.h"
#include "family/trace.h"
#include "kernels/f16.h"
#include "measure/device.h"
#include "tests/draws.h"

typedef struct Made {
  Tensor here, there;
} Made;

typedef enum Fill {
  FILL_NORMAL,
  FILL_NOT_FINITE,
  FILL_ZEROS,
  FILL_EQUAL,
  FILL_SAME_PAIR,
  FILL_ALL_SIZES,
  FILL_NOTHING_FINITE,
  FILLS
} Fill;
static const char *const fill_name[FILLS] = {
    "normal",         "some not finite", "zeros of both signs", "all equal",
    "pair of equals", "all sizes",       "nothing finite"};

static double uniform(void) { return (double)random_bits() * 0x1p-32; }

static double value_of(Fill fill) {
  const double x = (uniform() + uniform() + uniform() + uniform() - 2) * 1.7;
  const uint32_t dice = random_bits() % 64;
  switch (fill) {
    case FILL_NOT_FINITE: return dice == 0 ? NAN : dice == 1 ? -INFINITY : x;
    case FILL_ZEROS: return dice < 20 ? 0.0 : dice < 40 ? -0.0 : x;
    case FILL_EQUAL: return 0.1;
    case FILL_ALL_SIZES: return x * exp2((double)dice - 32);
    case FILL_NOTHING_FINITE: return dice % 2 ? NAN : INFINITY;
    default: return x;
  }
}

static void put(Tensor *t, size_t at, double x) {
  switch (t->format) {
    case FORMAT_F64: ((double *)t->data)[at] = x; break;
    case FORMAT_F32: ((float *)t->data)[at] = (float)x; break;
    case FORMAT_F16: ((uint16_t *)t->data)[at] = f16_of((float)x); break;
    default: ((int8_t *)t->data)[at] = isfinite(x) ? (int8_t)fmax(-128, fmin(127, x * 40)) : 1;
  }
}

/* Junk between the rows. */
static Made made(Arena *arena, Format format, int rows, int cols, Fill fill) {
  const int stride = cols + (int)(random_bits() % 3);
  const size_t bytes = (size_t)rows * (size_t)stride * format_size(format);
  Made m = {.here = tensor_of(arena_alloc(arena, bytes, 1), format, rows, cols,
                              format == FORMAT_I8 ? 0.025f : 0)};
  m.here.stride = stride;
  m.here.kernel = "made";
  memset(m.here.data, 0xff, bytes);
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < cols; c++)
      put(&m.here, (size_t)r * (size_t)stride + (size_t)c, value_of(fill));
  m.there = m.here;
  m.there.data = cuda_reserve(&cuda, bytes);
  cuda_to_device(&cuda, m.there.data, m.here.data, bytes);
  return m;
}

/* The rows of one list of jobs. */
enum { JOBS = 7 };
typedef struct Rows {
  TensorStats tensor[2];
  PairStats pair[3];
  Clipping clipping[2];
  double squares[2][4096];
} Rows;

static void make_jobs(const Tensor *a, const Tensor *b, Rows *to, StatsJob *job) {
  memset(to, 0xa5, sizeof *to);
  memset(to->squares, 0, sizeof to->squares);
  const bool is_small = a->rows <= 4096;
  job[0] = (StatsJob){.base = a, .scale = 0.025f, .tensor_row = &to->tensor[0]};
  job[1] = (StatsJob){.base = b, .tensor_row = &to->tensor[1]};
  job[2] = (StatsJob){.base = a, .other = b, .rows_are_tokens = true, .pair_row = &to->pair[0]};
  if (is_small) job[2].token = (PartSquares){to->squares[0], to->squares[1]};
  job[3] = (StatsJob){.base = b, .other = a, .logits = true, .pair_row = &to->pair[1]};
  job[4] = (StatsJob){.base = a, .other = a, .rows_are_tokens = true, .pair_row = &to->pair[2]};
  job[5] = (StatsJob){.base = a,
                      .other = b,
                      .scale = 0.01f,
                      .rows_are_tokens = true,
                      .clipping_row = &to->clipping[0]};
  job[6] = (StatsJob){.base = a, .other = b, .scale = 0.02f, .clipping_row = &to->clipping[1]};
}

/* What the library says of the values, NaN canonical, where a device says it too. */
static void put_digest(const Tensor *t, TensorStats *row, Arena arena) {
  const size_t n = (size_t)t->rows * (size_t)t->cols, bytes = n * format_size(t->format);
  memset(row->digest, 0, sizeof row->digest);
  if (!digest_has_parts(t)) return;
  void *copy = memcpy(arena_alloc(&arena, bytes, 1), t->data, bytes);
  for (size_t i = 0; i < n; i++) {
    if (!isnan(tensor_value(t, i))) continue;
    if (t->format == FORMAT_F64) ((uint64_t *)copy)[i] = 0x7ff8000000000000u;
    if (t->format == FORMAT_F32) ((uint32_t *)copy)[i] = 0x7fc00000u;
    if (t->format == FORMAT_F16) ((uint16_t *)copy)[i] = 0x7e00u;
  }
  memcpy(row->digest, digest_of(copy, bytes).hex, DIGEST_TEXT);
}

static bool same_cells(const Table *table, const void *here, const void *there, const char *what) {
  bool same = true;
  for (int c = table->keys; c < table->columns; c++) {
    const Column *column = &table->column[c];
    const char *a = (const char *)here + column->offset, *b = (const char *)there + column->offset;
    if (!memcmp(a, b, column->size)) continue;
    same = false;
    printf("%s: %s.%s differs", what, table->name, column->name);
    if (column->type == COLUMN_F64)
      printf(": %a here, %a there", table_double(here, column->offset),
             table_double(there, column->offset));
    printf("\n");
  }
  return same;
}

static bool same_rows(const Rows *here, const Rows *there, const char *what) {
  bool same = true;
  for (int i = 0; i < 2; i++)
    same = same_cells(&table_tensor_stats, &here->tensor[i], &there->tensor[i], what) && same;
  for (int i = 0; i < 3; i++)
    same = same_cells(&table_pair_stats, &here->pair[i], &there->pair[i], what) && same;
  for (int i = 0; i < 2; i++)
    same = same_cells(&table_clipping, &here->clipping[i], &there->clipping[i], what) && same;
  if (memcmp(here->squares, there->squares, sizeof here->squares) != 0)
    same = false, printf("%s: the squares of tokens differ\n", what);
  return same;
}

static void on_device(const StatsJob *job, Arena arena) {
  const StatsDeviceBytes bytes = stats_device_bytes(job, JOBS);
  void *device = cuda_reserve(&cuda, bytes.device), *pinned = cuda_pinned(&cuda, bytes.pinned);
  char why[256];
  if (!device || !pinned) printf("no memory\n"), exit(2);
  stats_device_queue(&cuda, job, JOBS, device, pinned);
  if (!cuda_wait(&cuda, why)) printf("FAILED: %s\n", why), exit(1);
  Arena scratch = arena_carve(&arena, stats_device_scratch_bytes(job, JOBS));
  stats_device_finish(job, JOBS, pinned, scratch);
  cuda_release(&cuda, device);
  cuda_unpin(&cuda, pinned);
}

static bool check_pair(Arena arena, Format fa, Format fb, int rows, int cols, Fill fill) {
  Rows *here = ARENA_NEW(&arena, Rows, 1), *there = ARENA_NEW(&arena, Rows, 1);
  Made a = made(&arena, fa, rows, cols, fill), b = made(&arena, fb, rows, cols, fill);
  char what[128], why[256];
  StatsJob job[JOBS];
  snprintf(what, sizeof what, "%s, %s, %d x %d, %s", format_name(fa), format_name(fb), rows, cols,
           fill_name[fill]);
  if (!cuda_wait(&cuda, why)) printf("FAILED: %s\n", why), exit(1);
  const Made *other = fill == FILL_SAME_PAIR ? &a : &b;
  make_jobs(&a.here, &other->here, here, job);
  stats_jobs(job, JOBS, arena);
  put_digest(&a.here, &here->tensor[0], arena);
  put_digest(&other->here, &here->tensor[1], arena);
  make_jobs(&a.there, &other->there, there, job);
  on_device(job, arena);
  const bool same = same_rows(here, there, what);
  cuda_release(&cuda, a.there.data);
  cuda_release(&cuda, b.there.data);
  return same;
}

static void exhausted(size_t wanted, size_t reserved) {
  printf("arena: %zu bytes wanted of %zu\n", wanted, reserved);
  exit(2);
}

bool check_stats(bool small) {
  static const int shape[][2] = {{1, 1},    {1, 31},    {3, 1},     {2, 33},   {1, 1024}, {1, 1025},
                                 {5, 205},  {40, 16},   {600, 2},   {7, 127},  {33, 129}, {3, 2500},
                                 {171, 80}, {171, 768}, {8, 50280}, {1536, 16}};
  const int shapes = (int)(sizeof shape / sizeof *shape) - (small ? 4 : 0);
  Arena arena;
  Status st = {0};
  bool equal = true;
  int lists = 0;
  if (!arena_reserve(&arena, (size_t)1 << 30, exhausted, &st)) return false;
  for (int s = 0; s < shapes; s++)
    for (Fill fill = 0; fill < FILLS; fill++)
      for (int f = 0; f < (shape[s][0] * shape[s][1] > 1 << 17 ? 1 : 16); f++, lists++)
        equal = check_pair(arena, (Format)((f / 4 + 3) % 4), (Format)(f % 4), shape[s][0],
                           shape[s][1], fill) &&
                equal;
  printf("statistics: %d lists of jobs of every type, %d shapes: %s\n", lists, shapes,
         equal ? "every bit equal" : "THEY DIFFER");
  arena_release(&arena);
  return equal;
}
