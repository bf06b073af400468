/* Faults under the writing side, each in a child: a size limit, a full disk, kills, two runs at
 * once. None may cost a finished layer, end in a signal or change a digest. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "fixture_store.h"
#include "refused_calls.h"
#include "tests/disturbed_calls.h"
#include "tests/share.h"

typedef struct Ended {
  int status; /* of waitpid */
  char text[1024];
} Ended;

/* Runs the fixture in a child; its error, if any, comes back through a pipe. */
static pid_t start(Fixture *f, rlim_t file_limit, int *from) {
  int ends[2];
  cr_assert(pipe(ends) == 0);
  pid_t child = fork();
  cr_assert(child >= 0);
  if (child) {
    close(ends[1]);
    *from = ends[0];
    return child;
  }
  Status st = {0};
  fixture_child();
  if (file_limit) setrlimit(RLIMIT_FSIZE, &(struct rlimit){file_limit, RLIM_INFINITY});
  bool ok = fixture_run(f, &st);
  if (!ok && write(ends[1], st.text, strlen(st.text)) < 0) _exit(4);
  close_range(
      3, ~0u,
      0); /* the test runner's sockets, which its own work at exit must not reach from here */
#ifdef DS_SANITIZE
  _exit(ok ? 0 : 2); /* the sanitizer's report at exit could not be written under the limit */
#else
  exit(ok ? 0 : 2); /* not _exit: what HDF5 would do at exit must do no harm */
#endif
}

static Ended finish(pid_t child, int from) {
  Ended ended = {0};
  ssize_t n;
  size_t got = 0;
  while ((n = read(from, ended.text + got, sizeof ended.text - 1 - got)) > 0) got += (size_t)n;
  close(from);
  cr_assert(waitpid(child, &ended.status, 0) == child);
  return ended;
}

Test(store_faults, file_size_limit_is_said_at_once_and_never_a_signal) {
  Digest want = fixture_undisturbed();
  static const rlim_t budgets[] = {1,      3000,   20000,  40000,  70000,  200000,
                                   250000, 290000, 310000, 330000, 2000000};
  int refused = 0, whole = 0;
  for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) {
    Fixture f = fixture_make();
    int from;
    pid_t child = start(&f, budgets[i], &from);
    Ended ended = finish(child, from);
    cr_assert(WIFEXITED(ended.status), "%lu bytes: signal %d", budgets[i], WTERMSIG(ended.status));
    cr_assert(WEXITSTATUS(ended.status) == 2 || WEXITSTATUS(ended.status) == 0,
              "%lu bytes: exit %d", budgets[i], ended.status);
    if (WEXITSTATUS(ended.status) == 2) {
      refused++;
      cr_expect(strstr(ended.text, "File too large") && strstr(ended.text, "bytes free"),
                "%lu bytes: %s", budgets[i], ended.text);
      cr_expect(!fixture_there(&f, ""), "%lu bytes", budgets[i]);
      cr_expect(fixture_there(&f, ".parts/run.json") || !fixture_there(&f, ".partial"),
                "%lu bytes: a file of no run is left", budgets[i]);
    }
    whole += WEXITSTATUS(ended.status) == 0;
    Status st = {0};
    if (WEXITSTATUS(ended.status) == 2)
      cr_assert(fixture_run(&f, &st), "%lu bytes: %s", budgets[i], st.text);
    Digest got = fixture_content(&f);
    cr_expect_str_eq(got.hex, want.hex);
    fixture_drop(&f);
  }
  cr_expect(refused >= 8 && whole >= 1,
            "%d budgets were too small, %d large enough: the test has lost its sense", refused,
            whole);
}

/* Finished layers stay whole while the disk fills; then there is room again. */
Test(store_faults, full_disk_names_file_reason_and_bytes_and_the_run_goes_on_later) {
  Digest want = fixture_undisturbed();
  Fixture f = fixture_make();
  char mounted[96], options[32];
  snprintf(mounted, sizeof mounted, "%s/disk", f.folder);
  mkdir(mounted, 0777);
  if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
      mount("tmpfs", mounted, "tmpfs", 0, "size=1m") != 0) {
    fixture_drop(&f);
    cr_skip_test("no right to mount a tmpfs: %s", strerror(errno));
  }
  snprintf(f.results, sizeof f.results, "%s/r.h5", mounted);
  int at_start = 0, later = 0;
  for (int kib = 8; kib <= 1024; kib += 48) {
    snprintf(options, sizeof options, "size=%dk", kib);
    cr_assert(mount("tmpfs", mounted, "tmpfs", 0, options) == 0);
    int from;
    pid_t child = start(&f, 0, &from);
    Ended ended = finish(child, from);
    cr_assert(WIFEXITED(ended.status), "%d KiB: signal %d", kib, WTERMSIG(ended.status));
    bool full = strstr(ended.text, "No space left on device"),
         begun = fixture_there(&f, ".parts/run.json");
    cr_expect(WEXITSTATUS(ended.status) == 0 || (full && strstr(ended.text, "bytes free")),
              "%d KiB: %s", kib, ended.text);
    at_start += full && !begun, later += full && begun;
    cr_assert(mount("tmpfs", mounted, "tmpfs", MS_REMOUNT, "size=4m") == 0);
    Status st = {0};
    if (WEXITSTATUS(ended.status)) cr_assert(fixture_run(&f, &st), "%d KiB: %s", kib, st.text);
    Digest got = fixture_content(&f);
    cr_expect_str_eq(got.hex, want.hex);
    cr_assert(umount(mounted) == 0);
  }
  cr_expect(at_start >= 3 && later >= 1, "%d times full at the start, %d times later", at_start,
            later);
  umount(mounted);
  fixture_drop(&f);
}

/* --- kills ------------------------------------------------------------------------------------ */

static int entries(const Fixture *f) {
  int count = 0;
  for (int p = 0; p < PROMPTS; p++)
    for (int layer = 0; layer < LAYERS; layer++) {
      char name[64];
      snprintf(name, sizeof name, ".parts/%s.layer_%02d.entry", f->shape.prompt[p].name, layer);
      count += fixture_there(f, name);
    }
  return count;
}

typedef struct Started {
  Fixture *fixture;
  bool sync;
} Started;

static void start_fixture(void *context) {
  const Started *s = context;
  Status st = {0};
  fixture_child();
  _exit(fixture_run_with(s->fixture, s->sync, &st) ? 0 : 2);
}

/* Runs the fixture in a child that is killed before its n-th writing call, or in it; 0: never. */
static Disturbed run_killed(Fixture *f, bool sync, int n, Disturbance how) {
  static const char *const ends[] = {".entry", NULL};
  return disturbed(&(Disturb){.calls = calls_that_write, .at = n, .how = how, .ends = ends},
                   start_fixture, &(Started){f, sync});
}

typedef struct Kills {
  int kills, torn, gone_on;
} Kills;

static void kill_one(bool sync, bool batch, int n, Disturbance how, const Digest *want,
                     Kills *sum) {
  Fixture f = fixture_make();
  f.batch = batch;
  const Disturbed first = run_killed(&f, sync, n, how);
  cr_assert(WIFSIGNALED(first.status), "call %d: status %x", n, (unsigned)first.status);
  const int stood = entries(&f);
  if (!fixture_there(&f, "")) {
    const Disturbed second = run_killed(&f, sync, 0, KILLED);
    cr_assert(second.status == 0, "call %d: going on ends with status %x", n,
              (unsigned)second.status);
    cr_expect(second.named == PROMPTS * LAYERS - stood,
              "call %d: %d layers stood, %d were made again", n, stood, second.named);
    sum->gone_on += stood > 0;
  }
  store_discard(f.arena, f.results, &f.key);
  cr_expect(!fixture_there(&f, ".parts") && !fixture_there(&f, ".partial"),
            "call %d: something is left", n);
  Digest got = fixture_content(&f);
  cr_expect(!strcmp(got.hex, want->hex), "call %d: the result differs", n);
  fixture_drop(&f);
  sum->kills++, sum->torn += how == TORN;
}

/* Every call, and the middle of every write, where DRIFTSCOPE_EXHAUSTIVE is set (every second one
 * in a batch or while syncing: those differ in a few calls), else one in `step`. */
static void kill_everywhere(bool sync, bool batch, int step) {
  Digest want = fixture_undisturbed();
  if (getenv("DRIFTSCOPE_EXHAUSTIVE")) step = sync || batch ? 2 : 1;
  Fixture f = fixture_make();
  f.batch = batch;
  const Disturbed whole = run_killed(&f, sync, 0, KILLED);
  fixture_drop(&f);
  if (disturbed_unfiltered(&whole)) cr_skip_test("no seccomp filters here");
  cr_assert(whole.status == 0 && whole.named == PROMPTS * LAYERS, "status %x, %d entries",
            (unsigned)whole.status, whole.named);
  Kills sum = {0};
  for (int n = 1; n <= whole.calls; n += step) {
    if (!share_has_next()) continue;
    kill_one(sync, batch, n, KILLED, &want, &sum);
    if (step == 1 && whole.can_tear[n - 1]) kill_one(sync, batch, n, TORN, &want, &sum);
  }
  cr_expect(sum.gone_on >= sum.kills / 4, "%d kills, %d times gone on with finished layers",
            sum.kills, sum.gone_on);
  cr_log_info("%d kills at %d writing calls, %d of them in the middle of a write, %d times gone on "
              "with finished layers",
              sum.kills, whole.calls, sum.torn, sum.gone_on);
}

Test(store_faults, killed_before_a_writing_call_it_loses_no_layer_and_ends_the_same) {
  kill_everywhere(false, false, 29);
}
Test(store_faults, killed_before_a_writing_call_of_a_batch_it_loses_no_layer_and_ends_the_same) {
  kill_everywhere(false, true, 37);
}
Test(store_faults, killed_before_a_writing_call_while_syncing_it_loses_no_layer_and_ends_the_same) {
  kill_everywhere(true, false, 97);
}

/* Each run is killed again and again until it gets through; a kill counts where the process was
 * still alive. */
Test(store_faults, killed_again_and_again_runs_go_on_to_the_same_digests) {
  /* On a busy machine many come before the first layer stands. */
  enum { KILLS = 20, KILLS_MOST = 400, RESUMED = 3 };
  Digest want = fixture_undisturbed();
  uint64_t state = 7;
  int kills = 0, resumed = 0;
  Fixture timed = fixture_make();
  int from;
  double began = clock_s();
  pid_t child = start(&timed, 0, &from);
  finish(child, from);
  double whole_s = clock_s() - began;
  fixture_drop(&timed);
  while (kills < KILLS || (resumed < RESUMED && kills < KILLS_MOST)) {
    Fixture f = fixture_make();
    f.batch = kills % 2; /* both ways of walking in turn */
    for (int attempt = 0; attempt < 8; attempt++) {
      resumed += fixture_there(&f, ".parts/address.layer_00.entry");
      child = start(&f, 0, &from);
      usleep((useconds_t)(1e6 * whole_s * (double)(fixture_bits(&state) % 1000) / 1000));
      kill(child, SIGKILL);
      Ended ended = finish(child, from);
      if (!WIFSIGNALED(ended.status)) break;
      kills++;
    }
    Status st = {0};
    if (!fixture_there(&f, "")) cr_assert(fixture_run(&f, &st), "%s", st.text);
    store_discard(f.arena, f.results, &f.key);
    cr_expect(!fixture_there(&f, ".parts"), "the journal is still there");
    Digest got = fixture_content(&f);
    cr_expect_str_eq(got.hex, want.hex);
    fixture_drop(&f);
  }
  cr_expect(resumed >= RESUMED,
            "%d kills, %d times gone on: too few for this test to say something", kills, resumed);
  cr_log_info("%d kills, %d times gone on with finished layers", kills, resumed);
}

/* --- others ----------------------------------------------------------------------------------- */

/* Both children wait at a pipe, then try at once; who has the lock holds it until both have
 * tried. */
Test(store_faults, of_two_runs_in_one_folder_exactly_one_proceeds) {
  enum { RACES = 20 };
  for (int race = 0; race < RACES; race++) {
    Fixture f = fixture_make();
    int go[2], tried[2], leave[2], exits[2] = {0};
    cr_assert(pipe(go) == 0 && pipe(tried) == 0 && pipe(leave) == 0);
    pid_t child[2];
    for (int i = 0; i < 2; i++) {
      child[i] = fork();
      if (child[i]) continue;
      fixture_child();
      close(go[1]), close(leave[1]);
      Status st = {0};
      char byte;
      if (read(go[0], &byte, 1) != 0) _exit(9);
      bool ok = fixture_open(&f, &st);
      if (write(tried[1], "x", 1) != 1 || read(leave[0], &byte, 1) != 0) _exit(9);
      _exit(ok ? 0 : strstr(st.text, "is in use by another run") ? 2 : 7);
    }
    close(go[1]);
    char bytes[2];
    for (int got = 0; got < 2;) {
      ssize_t n = read(tried[0], bytes, 2);
      cr_assert(n > 0);
      got += (int)n;
    }
    close(leave[1]);
    for (int i = 0; i < 2; i++) {
      int status;
      waitpid(child[i], &status, 0);
      exits[i] = WIFEXITED(status) ? WEXITSTATUS(status) : 99;
    }
    cr_expect(exits[0] + exits[1] == 2 && exits[0] * exits[1] == 0, "race %d: exits %d and %d",
              race, exits[0], exits[1]);
    close(go[0]), close(tried[0]), close(tried[1]), close(leave[0]);
    fixture_drop(&f);
  }
}

/* A call fails with an error that is no lack of room; what it says, and that it is said again, not
 * tried again. */
static void refuse_and_say(Fixture *f, unsigned call, unsigned error, const char *const *words) {
  pid_t child = fork();
  if (child == 0) {
    Status st = {0}, again = {0};
    fixture_child();
    Store *store = fixture_open(f, &st);
    if (!store) _exit(7);
    if (!refuse_call(call, error)) _exit(9);
    bool ok = fixture_layers(f, store, -1, &st);
    ok = ok && (store_written(store),
                fixture_layer(f, store, 0, 0, &st)); /* of the last layer's it says here */
    bool still = store_note(store, "evaluation.window_00", "x", 1, &again);
    if (ok || still || strcmp(st.text, again.text) != 0) _exit(1);
    for (; *words; words++)
      if (!strstr(st.text, *words)) fprintf(stderr, "lacks '%s': %s\n", *words, st.text), _exit(2);
    _exit(0);
  }
  int status;
  cr_assert(waitpid(child, &status, 0) == child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 9) cr_skip_test("no seccomp filters here");
  cr_expect(status == 0, "call %u: status %x", call, (unsigned)status);
}

Test(store_faults, failure_of_the_writer_comes_back_by_name_and_nothing_is_written_after) {
  Digest want = fixture_undisturbed();
  const struct {
    unsigned call, error;
    bool later;
    const char *words[5];
  } cases[] = {
      {SYS_pwrite64,
       EIO,
       false,
       {"r.h5.partial: cannot be written: Input/output error (prompts/address/2-0/", "bytes free"}},
      {SYS_pwrite64,
       EIO,
       true,
       {"r.h5.partial: cannot be written: Input/output error (prompts/address/2-0/", "bytes free"}},
#ifdef SYS_renameat
      {SYS_renameat,
       EDQUOT,
       false,
       {"r.h5.parts/address.layer_00.", "Disk quota exceeded", "bytes free"}},
#endif
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Fixture f = fixture_make();
    Status st = {0};
    f.shape.later = cases[i].later;
    refuse_and_say(&f, cases[i].call, cases[i].error, cases[i].words);
    cr_expect_eq(entries(&f), 0);
    cr_assert(fixture_run(&f, &st), "%s", st.text);
    Digest got = fixture_content(&f);
    cr_expect_str_eq(got.hex, want.hex);
    fixture_drop(&f);
  }
}

/* HDF5 makes the file, then fails to lock it. */
Test(store_faults, file_that_hdf5_could_make_but_not_open_is_not_left_behind) {
  for (int at_end = 0; at_end < 2; at_end++) {
    Fixture f = fixture_make();
    Status st = {0};
    unsetenv("HDF5_USE_FILE_LOCKING");
    pid_t child = fork();
    if (child == 0) {
      fixture_child();
      Store *store = at_end ? fixture_open(&f, &st) : NULL;
      if (at_end && (!store || !fixture_layers(&f, store, -1, &st))) _exit(7);
      if (at_end) store_written(store);
      setenv("HDF5_USE_FILE_LOCKING", "TRUE", 1);
      if (!refuse_call(SYS_flock, ENOLCK)) _exit(9);
      bool ok = at_end ? store_finish(store, NULL, 0, NULL, 0, f.arena, &st)
                       : fixture_open(&f, &st) != NULL;
      _exit(ok ? 1 : strstr(st.text, at_end ? "r.h5.partial" : "r.h5.parts") ? 0 : 2);
    }
    int status;
    cr_assert(waitpid(child, &status, 0) == child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 9) cr_skip_test("no seccomp filters here");
    cr_expect(status == 0, "%d: status %x", at_end, (unsigned)status);
    cr_expect(!fixture_there(&f, "") && fixture_there(&f, ".partial") == at_end, "%d", at_end);
    if (at_end) cr_assert(fixture_run(&f, &st), "%s", st.text);
    fixture_drop(&f);
  }
}
