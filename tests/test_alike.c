/* alike: rows that are copied from those of an equal tensor are those that are computed. */
#include "measure/alike.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "measure/jobs.h"
#include "measure/stats.h"
#include "tests/measure_rows.h"

enum { ROWS = 9, COLS = 170, STRIDE = 181, SIDES = 5 };

/* The reference, a mode, two with its very bits, one of them in a wider room, and one that differs
 * in the last bit of the last element. */
static double reference[ROWS * COLS];
static float mode[ROWS * COLS], same[ROWS * COLS], wide[ROWS * STRIDE], near[ROWS * COLS];
static const char *const kernels[SIDES] = {"f64", "one", "two", "one", "three"};

static void fill_values(void) {
  for (int i = 0; i < ROWS * COLS; i++) {
    reference[i] = 3 * sin(0.37 * i);
    mode[i] = same[i] = near[i] = (float)(reference[i] + 0.01 * cos(1.3 * i));
  }
  mode[5] = same[5] = near[5] = NAN;
  near[ROWS * COLS - 1] = nextafterf(near[ROWS * COLS - 1], 9);
  for (int r = 0; r < ROWS; r++)
    memcpy(&wide[(size_t)r * STRIDE], &mode[(size_t)r * COLS], COLS * sizeof *wide);
}

static void make_tensors(Tensor t[SIDES]) {
  t[0] = tensor_of(reference, FORMAT_F64, ROWS, COLS, 0);
  t[1] = tensor_of(mode, FORMAT_F32, ROWS, COLS, 0);
  t[2] = tensor_of(same, FORMAT_F32, ROWS, COLS, 0);
  t[3] = tensor_of(wide, FORMAT_F32, ROWS, COLS, 0);
  t[4] = tensor_of(near, FORMAT_F32, ROWS, COLS, 0);
  t[3].stride = STRIDE;
  for (int s = 0; s < SIDES; s++) t[s].kernel = kernels[s], t[s].nans = s;
}

typedef struct Rows {
  TensorStats tensor[SIDES];
  PairStats pair[SIDES];
  Clipping clipping[SIDES];
  double error2[SIDES][ROWS], base2[SIDES][ROWS];
} Rows;

/* Of every side, and of the reference against it. */
static int make_jobs(const Tensor t[SIDES], Rows *rows, StatsJob job[3 * SIDES]) {
  int jobs = 0;
  memset(rows, 0, sizeof *rows);
  for (int s = 0; s < SIDES; s++) {
    snprintf(rows->tensor[s].mode, sizeof rows->tensor[s].mode, "side %d", s);
    snprintf(rows->pair[s].other, sizeof rows->pair[s].other, "side %d", s);
    snprintf(rows->clipping[s].mode, sizeof rows->clipping[s].mode, "side %d", s);
    job[jobs++] = (StatsJob){.base = &t[s], .scale = 0.02f, .tensor_row = &rows->tensor[s]};
    job[jobs++] = (StatsJob){.base = &t[0],
                             .other = &t[s],
                             .rows_are_tokens = true,
                             .pair_row = &rows->pair[s],
                             .token = {rows->error2[s], rows->base2[s]}};
    job[jobs++] = (StatsJob){.base = &t[0],
                             .other = &t[s],
                             .scale = 0.02f,
                             .rows_are_tokens = true,
                             .clipping_row = &rows->clipping[s]};
  }
  return jobs;
}

Test(alike, copied_rows_are_those_that_are_computed) {
  static Rows together, alone;
  Arena arena = new_arena();
  Tensor t[SIDES];
  StatsJob job[3 * SIDES];
  fill_values();
  make_tensors(t);
  int jobs = make_jobs(t, &together, job);
  stats_jobs(job, jobs, arena);
  jobs = make_jobs(t, &alone, job);
  for (int i = 0; i < jobs; i++) stats_jobs(&job[i], 1, arena);
  for (int s = 0; s < SIDES; s++) {
    cr_expect_eq(memcmp(&together.tensor[s], &alone.tensor[s], sizeof alone.tensor[s]), 0, "%d", s);
    cr_expect_eq(memcmp(&together.pair[s], &alone.pair[s], sizeof alone.pair[s]), 0, "%d", s);
    cr_expect_eq(memcmp(&together.clipping[s], &alone.clipping[s], sizeof alone.clipping[s]), 0,
                 "%d", s);
    cr_expect_eq(memcmp(together.error2[s], alone.error2[s], sizeof alone.error2[s]), 0, "%d", s);
    cr_expect_eq(memcmp(together.base2[s], alone.base2[s], sizeof alone.base2[s]), 0, "%d", s);
  }
  arena_release(&arena);
}

Test(alike, is_what_has_the_same_bits_on_the_same_grid_under_the_same_name) {
  static Rows rows;
  Arena arena = new_arena();
  Tensor t[SIDES];
  StatsJob job[3 * SIDES];
  int of[3 * SIDES];
  fill_values();
  make_tensors(t);
  const int jobs = make_jobs(t, &rows, job);
  for (int i = 0; i < jobs; i++) of[i] = alike_tensor(job, i);
  alike_others(job, jobs, of, arena);
  for (int i = 0; i < jobs; i++) {
    const int side = i / 3, want = side == 2 || side == 3 ? 1 : side;
    cr_expect_eq(of[i], 3 * want + i % 3, "job %d is that of %d", i, of[i]);
  }
  snprintf(rows.tensor[2].tensor, sizeof rows.tensor[2].tensor, "another");
  job[9].scale = 0.03f;
  cr_expect_eq(alike_tensor(job, 6), 6, "of another name");
  cr_expect_eq(alike_tensor(job, 9), 9, "on another grid");
  job[9].scale = 0.02f;
  job[3].by = STATS_GSL;
  cr_expect_eq(alike_tensor(job, 9), 9, "GSL's own rows are copied to none");
  arena_release(&arena);
}

/* Rows of several pieces, of whole vectors and of what is left of them; zeros of either sign. */
static void expect_short_way(Format format, int rows, int cols, bool finite) {
  static double as_double[9 * 2100];
  static float as_float[9 * 2100];
  Arena arena = new_arena();
  for (int i = 0; i < rows * cols; i++) {
    const double x = i % 11 == 0 ? (i % 2 ? -0.0 : 0.0) : 3 * sin(0.37 * i) + 5;
    as_double[i] = x;
    as_float[i] = (float)x;
  }
  if (!finite) as_double[7] = as_float[7] = INFINITY;
  const Tensor t =
      tensor_of(format == FORMAT_F64 ? (void *)as_double : as_float, format, rows, cols, 0);
  TensorStats tensor = {.layer = 0};
  PairStats want = {.layer = 0}, got = {.layer = 0};
  TensorBlock *own = stats_blocks(&t, &arena);
  const PartSquares want_rows = part_squares(&arena, (size_t)rows),
                    got_rows = part_squares(&arena, (size_t)rows);
  stats_tensor_blocks(&t, 0, own, &tensor, arena);
  stats_pair_known(&t, &t, (PairKnown){NULL, NULL, want_rows}, &want, arena);
  stats_pair_known(&t, &t, (PairKnown){own, own, got_rows}, &got, arena);
  cr_expect_eq(memcmp(&got, &want, sizeof want), 0, "%s, %d x %d", format_name(format), rows, cols);
  cr_expect_eq(memcmp(got_rows.error2, want_rows.error2, (size_t)rows * sizeof(double)), 0);
  cr_expect_eq(memcmp(got_rows.base2, want_rows.base2, (size_t)rows * sizeof(double)), 0);
  cr_expect_eq(got.nonfinite, !finite);
  arena_release(&arena);
}

Test(alike, a_tensor_against_its_like_has_the_row_that_any_pair_would_have) {
  for (int f = 0; f < 2; f++) {
    const Format format = f ? FORMAT_F64 : FORMAT_F32;
    for (int finite = 0; finite < 2; finite++) {
      expect_short_way(format, 9, 170, finite);
      expect_short_way(format, 9, 2100, finite);
      expect_short_way(format, 9, 3, finite);
      expect_short_way(format, 1, 64, finite);
    }
  }
}
