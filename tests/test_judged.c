/* What GSL says of a whole run: a row that is marked as checked was judged, though the run was
 * killed between; and a run that GSL finds wrong says so, again and again, and loses nothing. */
#include "measure/tables/stats.h"
#include "store/store.h"
#include "tests/every_study.h"
#include "tests/shell.h"
#include "tests/small_run.h"

TestSuite(judged, .init = small_run_begin, .fini = made_shell_end);

enum { LAYERS = 3 };

/* A run beside another GSL (tests/preload/other_gsl.c). The pair is of equals, but for a few
 * tensors: nearly every row is judged by one call. */
static const char *write_run(void) {
  small_model(LAYERS);
  return small_spec("s.yaml", "pairs: [[0, 2-0]]\n"
                              "keep: {tensors: [scan]}\n");
}

static int run_by(const char *gsl, const char *spec, const char *more, const char *folder) {
  return shell(
      "exec 2>&1 >/dev/null; export OMP_WAIT_POLICY=passive PATH= LD_PRELOAD=%s "
      "ASAN_OPTIONS=verify_asan_link_order=0 GSL_COUNT=%s/count %s; exec %s run %s -q -o %s %s",
      shell_beside("preload/other_gsl.so"), test_folder, gsl, shell_program(), spec, folder, more);
}

static int calls(void) {
  int count = -1;
  FILE *file = fopen(test_path("count"), "re");
  cr_assert(file && fscanf(file, "%d", &count) == 1);
  fclose(file);
  return count;
}

/* Of tensors and pairs. */
typedef struct Marks {
  const TensorStats *tensor;
  const PairStats *pair;
  size_t tensors, pairs;
  int marked;
} Marks;

static Marks marks_of(const char *folder) {
  const char *path = arena_printf(&test_arena, "%s/results.h5", folder);
  Results results;
  Status st = {0};
  void *tensor, *pair;
  Marks m = {0};
  cr_assert(
      results_open(path, &results, test_arena, &st) &&
          results_rows(&test_arena, &results, &table_tensor_stats, &tensor, &m.tensors, &st) &&
          results_rows(&test_arena, &results, &table_pair_stats, &pair, &m.pairs, &st),
      "%s", st.text);
  results_close(&results);
  m.tensor = tensor;
  m.pair = pair;
  for (size_t i = 0; i < m.tensors; i++) m.marked += m.tensor[i].checked;
  for (size_t i = 0; i < m.pairs; i++) m.marked += m.pair[i].checked;
  return m;
}

static void expect_none_more(const Marks *m, const Marks *whole, int at) {
  cr_assert(m->tensors == whole->tensors && m->pairs == whole->pairs);
  for (size_t i = 0; i < m->tensors; i++)
    cr_expect(m->tensor[i].checked <= whole->tensor[i].checked, "killed at %d: row %zu", at, i);
  for (size_t i = 0; i < m->pairs; i++)
    cr_expect(m->pair[i].checked <= whole->pair[i].checked, "killed at %d: pair %zu", at, i);
}

/* Killed at every row that is judged, it goes on: no row is marked that was not marked in a run
 * that was left alone, and no more of them than were judged before and after. */
Test(judged, of_a_run_that_was_killed_and_goes_on_rows_are_marked_that_were_judged,
     .timeout = 300) {
  const char *spec = write_run(), *out = test_path("out");
  cr_assert_eq(run_by("", spec, "", test_path("whole")), 0, "%s", shell_output);
  const Marks whole = marks_of(test_path("whole"));
  const int all = calls(), second = all - whole.marked; /* of a row */
  cr_assert(whole.marked >= 20 && second >= 0 && second < 5, "%d marked, %d calls", whole.marked,
            all);
  int lost = 0;
  for (int at = 1; at <= all; at++) {
    const Arena before = test_arena;
    shell("rm -rf %s", out);
    cr_assert_eq(run_by(arena_printf(&test_arena, "GSL_KILLED_AT=%d", at), spec, "", out),
                 128 + SIGKILL, "%s", shell_output);
    cr_assert_eq(run_by("", spec, "", out), 0, "%s", shell_output);
    const Marks m = marks_of(out);
    const int again = calls();
    cr_expect(m.marked <= at - 1 + again && m.marked >= again - second,
              "killed at call %d, then %d calls: %d marked", at, again, m.marked);
    expect_none_more(&m, &whole, at);
    lost += whole.marked - m.marked;
    test_arena = before;
  }
  cr_log_info("%d rows of %d runs were waiting as they were killed", lost, all);
  cr_expect_gt(lost, 0);
}

/* --- a row that is not what GSL says ---------------------------------------------------------- */

/* Wrong in the first row that is judged, between, and in the last, which is judged at the end. */
Test(judged, a_run_that_gsl_finds_wrong_says_so_again_and_loses_nothing, .timeout = 300) {
  const char *spec = write_run(), *out = test_path("out"), *said;
  cr_assert_eq(run_by("", spec, "", test_path("whole")), 0, "%s", shell_output);
  const int all = calls(), at[] = {1, all / 2, all};
  for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
    shell("rm -rf %s", out);
    const int status = run_by(arena_printf(&test_arena, "GSL_WRONG_FROM=%d", at[i]), spec, "", out);
    const int layers = shell_layers(out);
    const char *first =
        arena_printf(&test_arena, "%.*s", (int)strcspn(shell_output, "\n"), shell_output);
    cr_expect(status == 1 && strstr(first, "max") && strstr(first, "GSL"), "status %d: %s", status,
              shell_output);
    cr_expect(i ? layers > 0 : layers >= 0);
    cr_expect(at[i] < all || layers == 2 * LAYERS, "%d layers", layers);
    const char *again = arena_printf(&test_arena, "%s; --fresh begins anew\n", first);
    for (int k = 0; k < 2; k++) {
      cr_expect_eq(run_by("", spec, "", out), 1);
      cr_expect_str_eq(shell_output, again);
      cr_expect_eq(shell_layers(out), layers);
      cr_expect_neq(shell("test -e %s/results.h5", out), 0);
    }
    cr_expect_eq(run_by("", spec, "--fresh", out), 0, "%s", shell_output);
    cr_expect(every_cell_equal(&test_arena, test_path("whole/results.h5"),
                               test_path("out/results.h5"), &said),
              "%s", said);
  }
}
