/* The n-th allocation of memory fails, or that one and all that follow, whoever asks: jansson,
 * libyaml, HDF5, cmark, GSL, OpenMP's library, the C library, the program itself. It ends with 2
 * and one line, or does its work all the same; and the next start ends as if nothing had been. The
 * libraries that end a process by a signal then do it in a child. */
#include "store/store.h"
#include "tests/every_study.h"
#include "tests/share.h"
#include "tests/shell.h"
#include "tests/small_run.h"

TestSuite(failing_memory, .init = small_run_begin, .fini = made_shell_end);

typedef struct Outcomes {
  int tried, done, refused, by_library;
} Outcomes;

/* A run whose n-th allocation fails (0: none); `on`: and all that follow. */
static int run_short_of(const char *spec, long n, bool on, const char *folder) {
  shell("rm -rf %s", folder);
  return shell("exec 2>&1 >/dev/null; export OMP_WAIT_POLICY=passive PATH= LD_PRELOAD=%s "
               "FAILING_AT=%ld FAILING_COUNT=%s/count %s; exec %s run %s -q -o %s",
               shell_beside("preload/failing_malloc.so"), n, test_folder, on ? "FAILING_ON=1" : "",
               shell_program(), spec, folder);
}

static void expect_end(const char *spec, const char *want, long n, bool on, Outcomes *sum) {
  const char *out = test_path("out"), *results = test_path("out/results.h5"), *said,
             *what =
                 arena_printf(&test_arena, "allocation %ld%s", n, on ? " and all after it" : "");
  const int status = run_short_of(spec, n, on, out);
  const char *words = shell_output, *line_end;
  sum->tried++, sum->done += status == 0, sum->refused += status == 2;
  cr_expect(status == 0 || status == 2, "%s: status %d, %s", what, status, words);
  if (!strncmp(words, "\nlibgomp: ", 10)) /* which leaves by itself, with a line of its own */
    words = strchr(words + 1, '\n') + 1, sum->by_library++;
  line_end = strchr(words, '\n');
  if (status == 2)
    cr_expect(!strncmp(words, "driftscope: ", 12) && line_end && !line_end[1], "%s: %s", what,
              shell_output);
  const bool there = shell("test -e %s", results) == 0;
  cr_expect(there || status == 2, "%s: there are no results", what);
  if (there) cr_expect(every_cell_equal(&test_arena, want, results, &said), "%s: %s", what, said);
  if (status == 0) return;
  cr_expect_eq(shell("PATH= OMP_WAIT_POLICY=passive %s run %s -q -o %s 2>&1 >/dev/null",
                     shell_program(), spec, out),
               0, "%s: then %s", what, shell_output);
  cr_expect(went_on_the_same(&test_arena, want, results, &said), "%s: then %s", what, said);
}

/* Of the program's own process every one where DRIFTSCOPE_EXHAUSTIVE is set, and of its children,
 * which go on counting from where they were started, a sample; else a few of each. */
Test(failing_memory, ends_a_run_with_one_line_and_the_next_start_ends_the_same, .timeout = 7200) {
  enum { OF_CHILDREN = 60000 };
#ifdef DS_SANITIZE
  cr_skip_test("the sanitizers have an allocator of their own");
#endif
  small_model(2);
  const char *spec = small_spec(
                 "s.yaml", "pairs: [[2-0, 2-4]]\nkeep: {tensors: [scan]}\n"
                           "evaluation: {tokens: text.txt, windows: 1, length: 6, modes: [2-0]}\n"),
             *want = test_path("whole/results.h5");
  cr_assert_eq(run_short_of(spec, 0, false, test_path("whole")), 0, "%s", shell_output);
  shell("cat %s/count", test_folder);
  const long own = atol(shell_output), step = getenv("DRIFTSCOPE_EXHAUSTIVE") ? 1 : own / 3,
             child_step = getenv("DRIFTSCOPE_EXHAUSTIVE") ? OF_CHILDREN / 300 : OF_CHILDREN / 4;
  cr_assert(own > 100, "%ld allocations", own);
  Outcomes sum = {0}, of_children = {0};
  for (long n = 1; n <= own; n += step) {
    if (!share_has_next()) continue;
    const Arena kept = test_arena;
    expect_end(spec, want, n, n / step % 4 == 3, &sum);
    test_arena = kept;
  }
  for (long n = own + child_step / 2; n <= OF_CHILDREN; n += child_step) {
    if (!share_has_next()) continue;
    const Arena kept = test_arena;
    expect_end(spec, want, n, n / child_step % 2, &of_children);
    test_arena = kept;
  }
  cr_log_info("%ld allocations of its own: %d failed, %d runs done all the same, %d refused, %d of "
              "them by OpenMP's library; of its children's %d failed, %d done, %d refused",
              own, sum.tried, sum.done, sum.refused, sum.by_library, of_children.tried,
              of_children.done, of_children.refused);
}
