/* A file of somebody else is read in a child: whatever happens to it, the program says one line and
 * exits with 2. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/child.h"
#include "fixture_store.h"
#include "shell.h"

static const char *const one[] = {"some.h5"}, *const two[] = {"a.h5", "b.h5"};

Test(child, exit_status_passes_through) {
  for (int want = 0; want < 4; want++) {
    Status st = {0};
    int status = child_start(one, 1, &st);
    if (status == CHILD_HERE) _exit(want);
    cr_expect(status == want && !st.failed, "%d: %s", status, st.text);
  }
}

/* After the file is read it is no fault of HDF5's. */
Test(child, death_behind_the_reading_is_said_to_be_our_own) {
  Status st = {0};
  int status = child_start(one, 1, &st);
  if (status == CHILD_HERE) child_has_read(), signal(SIGSEGV, SIG_DFL), raise(SIGSEGV);
  cr_expect_eq(status, CHILD_NONE);
  cr_expect_str_eq(st.text, "some.h5: driftscope failed on what it holds (signal 11)");
  Status next = {0};
  status = child_start(one, 1, &next);
  if (status == CHILD_HERE) signal(SIGSEGV, SIG_DFL), raise(SIGSEGV);
  cr_expect_str_eq(next.text, "some.h5: HDF5 failed to read it (signal 11)");
}

/* Bytes on standard error after a child wrote nine there and ended so. */
static long said(bool reads, int how) {
  Status st = {0};
  struct stat info;
  const int words = memfd_create("said", MFD_CLOEXEC), own = dup(STDERR_FILENO);
  dup2(words, STDERR_FILENO);
  int status = child_start(one, 1, &st);
  if (status == CHILD_HERE) {
    if (reads) child_has_read();
    fputs("corrupted", stderr);
    if (how) signal(how, SIG_DFL), raise(how);
    _exit(2);
  }
  dup2(own, STDERR_FILENO);
  cr_assert(fstat(words, &info) == 0);
  close(own), close(words);
  return (long)info.st_size;
}

Test(child, words_of_a_library_that_dies_while_it_reads_are_not_said) {
  cr_expect_eq(said(false, SIGABRT), 0);
  cr_expect_eq(said(false, 0), 9);
  cr_expect_eq(said(true, SIGABRT), 9);
  cr_expect_eq(said(true, 0), 9);
}

Test(child, death_by_a_signal_is_one_line_that_names_the_file) {
  static const int signals[] = {SIGSEGV, SIGFPE, SIGABRT};
  for (int i = 0; i < 3; i++) {
    Status st = {0}, both = {0};
    char want[96];
    int status = child_start(one, 1, &st);
    if (status == CHILD_HERE) signal(signals[i], SIG_DFL), raise(signals[i]);
    snprintf(want, sizeof want, "some.h5: HDF5 failed to read it (signal %d)", signals[i]);
    cr_expect_eq(status, CHILD_NONE);
    cr_expect_str_eq(st.text, want);
    status = child_start(two, 2, &both);
    if (status == CHILD_HERE) signal(signals[i], SIG_DFL), raise(signals[i]);
    snprintf(want, sizeof want, "a.h5 or b.h5: HDF5 failed to read it (signal %d)", signals[i]);
    cr_expect_str_eq(both.text, want);
  }
}

/* What is no fault of the file's, nor of a library's. */
static const struct {
  int signal;
  const char *says;
} limits[] = {{SIGKILL, "was killed, as the system does where memory runs out"},
              {SIGXFSZ, "would have made a file larger than it may (ulimit -f)"},
              {SIGXCPU, "used up its processor time (ulimit -t)"},
              {SIGINT, "was stopped by SIGINT"},
              {SIGTERM, "was stopped by SIGTERM"}};
enum { LIMITS = sizeof limits / sizeof *limits };

Test(child, a_limit_of_the_process_that_reads_is_named_as_such) {
  for (int i = 0; i < LIMITS; i++) {
    Status st = {0};
    char want[128];
    if (limits[i].signal == SIGXCPU) continue; /* the reader's own */
    const int status = child_start(one, 1, &st);
    if (status == CHILD_HERE) signal(limits[i].signal, SIG_DFL), raise(limits[i].signal);
    snprintf(want, sizeof want, "some.h5: the process that reads it %s", limits[i].says);
    cr_expect_eq(status, CHILD_NONE);
    cr_expect_str_eq(st.text, want);
  }
}

static bool end_by(FILE *out, void *context, Status *st) {
  const int number = *(const int *)context, reads = number < 0;
  if (reads) child_limit("some.h5");
  signal(abs(number), SIG_DFL), raise(abs(number));
  return (void)out, FAIL(st, "it lives");
}

Test(child, a_limit_of_the_process_that_makes_something_is_named_as_such) {
  Fixture f = fixture_make();
  for (int i = 0; i < 2 * LIMITS; i++) {
    Status st = {0};
    const char *text;
    char want[128];
    size_t count;
    const bool reads = i % 2;
    int number = limits[i / 2].signal * (reads ? -1 : 1);
    if (number == -SIGXCPU) continue;
    snprintf(want, sizeof want, "%s: the process that %s it %s", reads ? "some.h5" : "w",
             reads ? "reads" : "makes", limits[i / 2].says);
    cr_expect(!child_work(&f.arena, "w", end_by, &number, &text, &count, &st));
    cr_expect_str_eq(st.text, want);
  }
  fixture_drop(&f);
}

static bool tell_threads(FILE *out, void *context, Status *st) {
  (void)context, (void)st;
  return fprintf(out, "%d of %d", omp_get_max_threads(), child_threads()) > 0;
}

Test(child, work_knows_how_many_threads_its_parent_was_told_to_take) {
  Fixture f = fixture_make();
  Status st = {0};
  const char *text;
  size_t count;
  omp_set_num_threads(3);
  cr_expect(child_work(&f.arena, "w", tell_threads, NULL, &text, &count, &st), "%s", st.text);
  cr_expect_str_eq(text, "1 of 3");
  cr_expect_eq(child_threads(), 3);
  fixture_drop(&f);
}

/* The limits of the child, by its own account: memory beyond 2 GiB is refused, and no core file is
 * left. */
Test(child, memory_and_core_files_are_limited) {
#ifdef DS_SANITIZE
  cr_skip_test("the address sanitizer ends a program that asks for too much, and needs more "
               "address space than that");
#endif
  Status st = {0};
  int status = child_start(one, 1, &st);
  if (status == CHILD_HERE) {
    struct rlimit core;
    void *small = malloc((size_t)1 << 29), *large = malloc((size_t)3 << 30);
    _exit(small && !large && getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 ? 7 : 8);
  }
  cr_expect_eq(status, 7, "%d %s", status, st.text);
}

/* A lower limit that was there before stays: so the test need not wait for the child's own. */
Test(child, endless_loop_ends_by_processor_time_unless_it_may_take_time) {
  Status st = {0}, after = {0};
  struct rlimit before, second;
  getrlimit(RLIMIT_CPU, &before);
  second = (struct rlimit){.rlim_cur = 1, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_CPU, &second);
  int status = child_start(one, 1, &st);
  if (status == CHILD_HERE)
    for (volatile unsigned i = 0;; i = i + 1) continue;
  cr_expect_eq(status, CHILD_NONE);
  cr_expect(strstr(st.text, "some.h5: is not read after 1 s of processor time"), "%s", st.text);
  status = child_start(one, 1, &after);
  if (status == CHILD_HERE) {
    child_take_time();
    _exit(getrlimit(RLIMIT_CPU, &second) == 0 && second.rlim_cur == second.rlim_max ? 7 : 8);
  }
  setrlimit(RLIMIT_CPU, &before);
  cr_expect_eq(status, 7);
}

/* Files found by mutation. The first four ended HDF5 1.10.8 in a signal, in functions of its
 * metadata cache, attributes, heaps and types; a later HDF5 may refuse or read them. The cell of
 * the last, a right table of right digest, was once an index. */
static const struct {
  const char *name, *says;
} hostile[] = {{"btree2_null_read", ""},
               {"a6badb42", ""},
               {"02d7b717", ""},
               {"bytes_1051_313", ""},
               {"swap_effect_order",
                "/tables/swap_effect: row 0, column 'order' is -2147483648, outside of 1 to 2"}};
enum { HOSTILE = sizeof hostile / sizeof *hostile };

static void expect_one_line(int status, const char *file, const char *says, const char *command) {
  cr_expect(status == 2 || (status == 0 && !*says), "%s, %s: %d: %s", file, command, status,
            shell_output);
  if (status != 2) return;
  cr_expect(strstr(shell_output, file) && strstr(shell_output, says), "%s: %s", command,
            shell_output);
  cr_expect_eq(strchr(shell_output, '\n'), shell_output + strlen(shell_output) - 1, "%s: %s",
               command, shell_output);
}

Test(child, files_made_to_do_harm_are_refused_in_one_line) {
  setenv("ASAN_OPTIONS", "handle_segv=0:handle_sigfpe=0:handle_abort=0", 1); /* in its place */
  for (int i = 0; i < HOSTILE; i++) {
    char file[64], folder[FOLDER_NAME];
    folder_make(folder);
    snprintf(file, sizeof file, "tests/hostile/%s.h5", hostile[i].name);
    int status = shell("%s report %s -o %s 2>&1", shell_program(), file, folder);
    expect_one_line(status, file, hostile[i].says, "report");
    status = shell("%s report %s %s 2>&1 >/dev/null", shell_program(), file, file);
    expect_one_line(status, file, hostile[i].says, "report twice");
    status = shell("%s verify %s 2>&1 >/dev/null", shell_program(), file);
    expect_one_line(status, file, hostile[i].says, "verify");
    status = shell("%s micro conv1d --vectors %s 2>&1", shell_program(), file);
    cr_expect_eq(status, 2, "%s as vectors: %d: %s", file, status, shell_output);
    status = shell("cp %s %s/results.h5 && %s run experiments/conv1d_micro.yaml -q -o %s 2>&1",
                   file, folder, shell_program(), folder);
    cr_expect_eq(status, 2, "%s as a result that is there: %d: %s", file, status, shell_output);
    cr_expect(strstr(shell_output, "results.h5: "), "%s", shell_output);
    nftw(folder, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS);
  }
}

/* --- work of our own -------------------------------------------------------------------------- */

typedef enum Way {
  DONE,
  FAILED,
  FAILED_A_CHECK,
  KILLED_IN_IT,
  OUT_OF_TIME,
  KILLED_BY_THE_SYSTEM,
  LEFT_WITH_A_LINE,
  LEFT_WITH_ANOTHERS,
  LEFT_SILENT,
  KILLED_WHILE_IT_READS,
  LEFT_WHILE_IT_READS,
  KILLED_WHEN_IT_HAS_READ
} Way;

static bool work(FILE *out, void *context, Status *st) {
  fprintf(out, "made by another process: %d\n", getpid());
  signal(SIGSEGV, SIG_IGN); /* whoever handles it does so no more where a file is read */
  if (*(const Way *)context >= KILLED_WHILE_IT_READS) child_limit("some.h5");
  switch (*(const Way *)context) {
    case FAILED: return FAIL(st, "r.h5: no room");
    case FAILED_A_CHECK: return FAIL_CHECK(st, "gate 1 failed");
    case KILLED_IN_IT: fprintf(stderr, "one line\n[lib] no memory, aborting\n"), abort();
    case OUT_OF_TIME: kill(getpid(), SIGXCPU); return true;
    case KILLED_BY_THE_SYSTEM: kill(getpid(), SIGKILL); return true;
    case LEFT_WITH_A_LINE: fprintf(stderr, "driftscope: memory: used up\n"), _exit(2);
    case LEFT_WITH_ANOTHERS: fprintf(stderr, "[lib] no memory\n"), _exit(1);
    case LEFT_SILENT: _exit(255);
    case KILLED_WHILE_IT_READS: kill(getpid(), SIGSEGV); return true;
    case LEFT_WHILE_IT_READS: fprintf(stderr, "[lib] no memory\n"), _exit(1);
    case KILLED_WHEN_IT_HAS_READ: child_has_read(), abort();
    default: return true;
  }
}

Test(child, work_comes_back_and_whatever_ends_it_is_one_line) {
  static const struct {
    Way way;
    bool ok, check;
    const char *says;
  } cases[] = {
      {DONE, true, false, ""},
      {FAILED, false, false, "r.h5: no room"},
      {FAILED_A_CHECK, false, true, "gate 1 failed"},
      {KILLED_IN_IT, false, false, "w: a library failed (signal 6): [lib] no memory, aborting"},
      {OUT_OF_TIME, false, false,
       "w: the process that makes it used up its processor time (ulimit -t)"},
      {KILLED_BY_THE_SYSTEM, false, false,
       "w: the process that makes it was killed, as the system does where memory runs out"},
      {LEFT_WITH_A_LINE, false, false, "memory: used up"},
      {LEFT_WITH_ANOTHERS, false, false,
       "w: the process that makes it ended (status 1): [lib] no memory"},
      {LEFT_SILENT, false, false, "w: the process that makes it ended without a word (status 255)"},
      {KILLED_WHILE_IT_READS, false, false, "some.h5: HDF5 failed to read it (signal 11)"},
      {LEFT_WHILE_IT_READS, false, false,
       "some.h5: HDF5 failed to read it (status 1): [lib] no memory"},
      {KILLED_WHEN_IT_HAS_READ, false, false, "w: a library failed (signal 6)"}};
  Fixture f = fixture_make();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Status st = {0};
    Way way = cases[i].way;
    const char *text = NULL;
    char here[64];
    size_t count = 0;
    bool ok = child_work(&f.arena, "w", work, &way, &text, &count, &st);
    cr_expect(ok == cases[i].ok && st.check == cases[i].check, "%zu: %s", i, st.text);
    cr_expect_str_eq(st.text, cases[i].says);
    snprintf(here, sizeof here, "made by another process: %d\n", getpid());
    if (way <= FAILED_A_CHECK)
      cr_expect(text && count == strlen(text) && !strncmp(text, here, 25) &&
                    strcmp(text, here) != 0,
                "%s", text);
  }
  fixture_drop(&f);
}

static bool much(FILE *out, void *context, Status *st) {
  (void)context, (void)st;
  for (int i = 0; i < 300000; i++) fprintf(out, "%d\n", i);
  return true;
}

/* More than a pipe holds; and where there is no process to be had it is done here. */
Test(child, work_of_any_length_comes_back_whole_and_without_a_child_too) {
  Fixture f = fixture_make();
  const char *text[2];
  size_t count[2];
  for (int here = 0; here < 2; here++) {
    Status st = {0};
    struct rlimit before, none;
    getrlimit(RLIMIT_NOFILE, &before);
    none = (struct rlimit){.rlim_cur = 3, .rlim_max = before.rlim_max};
    if (here) setrlimit(RLIMIT_NOFILE, &none); /* no pipe either */
    cr_expect(child_work(&f.arena, "w", much, NULL, &text[here], &count[here], &st), "%s", st.text);
    setrlimit(RLIMIT_NOFILE, &before);
  }
  cr_expect(count[0] == 1988890 && count[1] == count[0] && !memcmp(text[0], text[1], count[0]),
            "%zu and %zu bytes", count[0], count[1]);
  fixture_drop(&f);
}

static bool write_much(FILE *out, void *context, Status *st) {
  (void)st;
  for (int i = 0; i < 100000; i++)
    fprintf(out, "%d\n", *(const int *)context); /* more than a pipe holds */
  return true;
}

static bool fail(FILE *out, void *context, Status *st) {
  return (void)out, FAIL(st, "some.h5: %d", *(const int *)context);
}

static bool wait_for_ever(FILE *out, void *context, Status *st) {
  return (void)out, (void)context, (void)st, pause(), true;
}

Test(child, one_that_is_left_is_ended, .timeout = 20) {
  const ChildBegun begun = child_begin(wait_for_ever, NULL);
  cr_assert_gt(begun.child, 0);
  cr_expect_eq(kill(begun.child, 0), 0);
  child_leave(begun);
  cr_expect_neq(kill(begun.child, 0), 0, "it is gone, and waited for");
}

Test(child, two_at_once_are_heard_each) {
  static char room[1 << 20];
  Arena arena = {.next = room, .end = room + sizeof room, .base = room, .exhausted = no_room};
  int one_number = 1, other = 2;
  const char *text;
  size_t count;
  Status st = {0};
  const ChildBegun first = child_begin(write_much, &one_number), second = child_begin(fail, &other);
  cr_expect(child_end(&arena, "first", write_much, &one_number, first, &text, &count, &st));
  cr_expect(count == 200000 && !strncmp(text, "1\n1\n", 4), "%zu bytes", count);
  cr_expect(!child_end(&arena, "second", fail, &other, second, &text, &count, &st));
  cr_expect_str_eq(st.text, "some.h5: 2");
}
