/* three_way: the errors of two against a third, of rows made by hand. */
#include "measure/three_way.h"

#include <math.h>

#include "family/family.h"
#include "tests/measure_rows.h"

/* Of 100 elements of a base of size 10. */
static PairStats row_of(const char *prompt, const char *base, const char *other, int layer,
                        double rel_l2, double mean) {
  PairStats row = {.layer = layer, .n = 100, .base_l2 = 10, .rel_l2 = rel_l2, .mean_diff = mean};
  table_text(row.prompt, sizeof row.prompt, prompt);
  table_text(row.base, sizeof row.base, base);
  table_text(row.other, sizeof row.other, other);
  table_text(row.tensor, sizeof row.tensor, "block_out");
  row.rmse = rel_l2; /* 10 rel_l2 / sqrt(100) */
  row.max_abs = 3 * rel_l2;
  return row;
}

static ThreeWay *three(Arena *arena, const PairStats *rows, size_t count, size_t *made) {
  return three_way_of(arena, &families[0]->tensors, "a", "b", "fp64", rows, count, made);
}

Test(three_way, the_ratio_is_the_geometric_mean_over_prompts_with_an_interval) {
  Arena arena = new_arena();
  const PairStats rows[] = {row_of("p", "fp64", "a", 0, 0.01, 0),
                            row_of("p", "fp64", "b", 0, 0.02, 0),
                            row_of("q", "fp64", "a", 0, 0.01, 0),
                            row_of("q", "fp64", "b", 0, 0.08, 0), row_of("p", "a", "b", 0, 0.5, 0)};
  size_t made;
  const ThreeWay *way = three(&arena, rows, 5, &made);
  cr_assert_eq(made, 1);
  cr_expect_eq(way->prompts, 2);
  cr_expect_float_eq(way->ratio, 4, 1e-12); /* sqrt(2 * 8) */
  /* ln 2 and ln 8: mean ln 4, sd of the two ln 4 / sqrt 2, t(0.975, 1) = 12.7062047 */
  cr_expect_float_eq(way->ratio_low, 4 * exp(-12.7062047 * log(4) / 2), 1e-9);
  cr_expect_float_eq(way->ratio_high, 4 * exp(12.7062047 * log(4) / 2), 1e-1);
  cr_expect_float_eq(way->error_base, 0.01, 1e-12);
  cr_expect_float_eq(way->error_other, sqrt((0.0004 + 0.0064) / 2), 1e-12);
  cr_expect_float_eq(way->worst_l2, 8, 1e-12);
  cr_expect_float_eq(way->worst_max_abs, 8, 1e-12);
  arena_release(&arena);
}

Test(three_way, errors_of_one_size_overlap_wholly_and_a_bias_takes_them_apart) {
  Arena arena = new_arena();
  PairStats rows[] = {row_of("p", "fp64", "a", 2, 0.05, 0), row_of("p", "fp64", "b", 2, 0.05, 0)};
  size_t made;
  const ThreeWay *way = three(&arena, rows, 2, &made);
  cr_expect_float_eq(way->overlap, 1, 1e-15);
  cr_expect_float_eq(way->sigma_ratio, 1, 1e-15);
  cr_expect(isnan(way->ratio_low), "one prompt has no interval");
  rows[1] = row_of("p", "fp64", "b", 2, 0.05, 0.04); /* sigma 0.03 beside 0.05 */
  way = three(&arena, rows, 2, &made);
  cr_expect_float_eq(way->sigma_ratio, 0.6, 1e-12);
  cr_expect_float_eq(way->overlap, sqrt(2 * 0.0015 / 0.0034) * exp(-0.0016 / (4 * 0.0034)), 1e-12);
  arena_release(&arena);
}

Test(three_way, what_only_one_was_compared_in_is_left_out) {
  Arena arena = new_arena();
  const PairStats rows[] = {
      row_of("p", "fp64", "a", 0, 0.01, 0), row_of("p", "fp64", "a", 1, 0.01, 0),
      row_of("q", "fp64", "a", 1, 0.01, 0), row_of("q", "fp64", "b", 1, 0.03, 0),
      row_of("p", "fp64", "b", 2, 0.02, 0)};
  size_t made;
  const ThreeWay *way = three(&arena, rows, 5, &made);
  cr_assert_eq(made, 1);
  cr_expect(way->layer == 1 && way->prompts == 1);
  cr_expect_float_eq(way->ratio, 3, 1e-12);
  arena_release(&arena);
}

Test(three_way, an_error_of_zero_has_no_ratio) {
  Arena arena = new_arena();
  const PairStats rows[] = {row_of("p", "fp64", "a", 0, 0, 0), row_of("p", "fp64", "b", 0, 0.1, 0)};
  size_t made;
  const ThreeWay *way = three(&arena, rows, 2, &made);
  cr_expect(made == 1 && isnan(way->ratio) && isnan(way->ratio_low));
  arena_release(&arena);
}
