/* What is said of which is nearer, largest or steepest goes by single prompts, and says so where
 * they do not tell. */
#include "report/by_prompt.h"

#include <criterion/criterion.h>

#include "family/mamba1.h"
#include "tests/report_rows.h"

TestSuite(by_prompt, .init = reserve, .fini = release);

enum { LAYERS = 4, LOGITS = T_LOGITS };

static const char *prompt_name(int p) { return arena_printf(&arena, "p%02d", p); }

/* The logits of a mode against the reference, a size a prompt. */
static void errors(const char *mode, const double *size, int prompts) {
  for (int p = 0; p < prompts; p++)
    row_pair(made, prompt_name(p), "fp64", mode, LOGITS, LAYERS, false, size[p], 1, 0.1);
}

static ReportData *data(void) {
  for (int layer = 0; layer < LAYERS; layer++)
    row_drift(made, "fp64", "a", T_BLOCK_OUT, layer, 2, 0.01, NAN);
  ReportData *d = made_data(&arena, made);
  data_arrange(&arena, d);
  return d;
}

static const ReportPair sides[] = {
    {.base = "fp64", .other = "a"}, {.base = "fp64", .other = "b"}, {.base = "fp64", .other = "c"}};

#define EXPECT_TEXT(got, want) cr_expect_str_eq(got, want)

Test(by_prompt, one_prompt_speaks_of_itself) {
  errors("a", (double[]){0.01}, 1);
  errors("b", (double[]){0.02}, 1);
  EXPECT_TEXT(by_prompt_closer(&arena, data(), &sides[0], &sides[1], 0.01, 0.02),
              "a is closer (of this prompt alone)");
}

/* The factors 1/2, 1/2, 1/2 and 1/4: their logarithms have the mean log(2^(-5/4)), the standard
 * deviation log(2) / 2, and Student's t of 3 degrees is 3.1824: 2^(-1.25 ± 3.1824 / 4). */
Test(by_prompt, nearer_is_told_by_a_factor_whichever_side_it_is) {
  errors("a", (double[]){0.01, 0.02, 0.03, 0.01}, 4);
  errors("b", (double[]){0.02, 0.04, 0.06, 0.04}, 4);
  const ReportData *d = data();
  const char *want = "a is closer, prompt by prompt by a factor of 0.420 (0.242 … 0.730)";
  EXPECT_TEXT(by_prompt_closer(&arena, d, &sides[0], &sides[1], 0.02, 0.04), want);
  EXPECT_TEXT(by_prompt_closer(&arena, d, &sides[1], &sides[0], 0.04, 0.02), want);
}

/* Together a is nearer, for one prompt has most of the error; three of four say the opposite:
 * factors 2, 2, 2 and 1/4, of which Student's t makes 2^(0.25 ± 3.1824 · 0.75). */
Test(by_prompt, what_prompts_do_not_agree_on_is_not_told) {
  errors("a", (double[]){0.01, 0.02, 0.03, 0.10}, 4);
  errors("b", (double[]){0.005, 0.01, 0.015, 0.40}, 4);
  const char *words = by_prompt_closer(&arena, data(), &sides[0], &sides[1], 0.05, 0.2);
  cr_expect(
      !strncmp(words, "which is closer cannot be told (prompt by prompt the error of a is ", 67),
      "%s", words);
  cr_expect(strstr(words, "1.19 (0.227 … 6.22) times that of b; ") && strstr(words, " would tell"),
            "%s", words);
}

Test(by_prompt, equal_errors_and_files_without_rows_are_no_ranking_of_prompts) {
  errors("a", (double[]){0.01, 0.02}, 2);
  errors("b", (double[]){0.01, 0.02}, 2);
  const ReportData *d = data();
  EXPECT_TEXT(by_prompt_closer(&arena, d, &sides[0], &sides[1], 0.02, 0.02), "neither is closer");
  EXPECT_TEXT(by_prompt_closer(&arena, d, &sides[0], &sides[2], 0.02, 0.03),
              "a is closer (of these prompts)");
}

static const char *ends_of(const ReportData *d, const char *const *label, int least, int most) {
  char *text;
  size_t count;
  FILE *out = open_memstream(&text, &count);
  by_prompt_write_ends(out, d, sides, label, 3, least, most, arena);
  fclose(out);
  const char *kept = arena_printf(&arena, "%s", text);
  free(text);
  return kept;
}

Test(by_prompt, ends_of_a_ranking_name_those_that_other_prompts_might_put_there) {
  static const char *const all[] = {"a", "b", "c"}, *const two[] = {"a", NULL, "c"};
  errors("a", (double[]){0.0010, 0.0021, 0.0029, 0.0012}, 4);
  errors("b", (double[]){0.020, 0.041, 0.062, 0.021}, 4);
  errors("c", (double[]){0.021, 0.040, 0.061, 0.022}, 4);
  const ReportData *d = data();
  EXPECT_TEXT(ends_of(d, all, 0, 2),
              ". Prompt by prompt, all asked at once, c is not told from b.");
  EXPECT_TEXT(ends_of(d, two, 0, 2),
              ". Prompt by prompt, all asked at once, each of the two is told from all others.");
}

Test(by_prompt, of_two_it_is_said_once_that_they_are_not_told_apart) {
  static const char *const two[] = {NULL, "b", "c"};
  errors("b", (double[]){0.020, 0.041, 0.062, 0.021}, 4);
  errors("c", (double[]){0.021, 0.040, 0.061, 0.022}, 4);
  EXPECT_TEXT(ends_of(data(), two, 1, 2),
              ". Prompt by prompt, all asked at once, b is not told from c.");
}

Test(by_prompt, ends_of_a_ranking_of_one_prompt_are_its_own) {
  static const char *const all[] = {"a", "b", "c"};
  errors("a", (double[]){0.01}, 1);
  EXPECT_TEXT(ends_of(data(), all, 0, 2), ", of this prompt alone.");
}

/* Three prompts peak at layer 2, one at the end; one has a layer in which half its tokens are
 * equal, and is of no account. */
Test(by_prompt, peaks_and_steps_are_counted_by_prompt) {
  static const double curve[5][LAYERS] = {
      {1, 2, 3, 2}, {1, 3, 4, 2}, {1, 2, 3, 5}, {1, 2, 5, 4}, {1, 0, 3, 2}};
  for (int p = 0; p < 5; p++)
    for (int layer = 0; layer < LAYERS; layer++)
      row_pair(made, prompt_name(p), "fp64", "a", T_BLOCK_OUT, layer, false, 0.01, 1, 0.1)
          ->token.median = curve[p][layer];
  DriftShape *shape = row_shape(made, "fp64", "a", T_BLOCK_OUT, 5, "rises_falls", 2);
  shape->first_layer = 0, shape->last_layer = LAYERS - 1, shape->peak_layer = 2;
  shape->step_layer = 1;
  const Agreeing found = by_prompt_agreeing(data(), &sides[0], shape, arena);
  cr_expect_eq(found.prompts, 4, "%d", found.prompts);
  cr_expect_eq(found.peak, 3, "%d", found.peak);
  cr_expect_eq(found.step, 3, "%d", found.step); /* of the fourth it leads into layer 2: × 2.5 */
}
