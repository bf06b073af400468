/* Faults under the journal, each in a child: a size limit, a full disk, kills, two runs at once. None may cost a
 * finished layer, end in a signal or change a digest. */
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

typedef struct Ended {
  int status; /* of waitpid */
  char text[1024];
} Ended;

/* Runs the fixture in a child; its error, if any, comes back through a pipe. */
static pid_t start(Fixture *f, rlim_t file_limit, int deflate, int *from) {
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
  store_start();
  if (file_limit) setrlimit(RLIMIT_FSIZE, &(struct rlimit){file_limit, RLIM_INFINITY});
  bool ok = fixture_run_with(f, false, deflate, &st);
  if (!ok && write(ends[1], st.text, strlen(st.text)) < 0) _exit(4);
  close_range(3, ~0u, 0); /* the test runner's sockets, which its own work at exit must not reach from here */
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

Test(store_faults, file_size_limit_costs_one_layer_and_never_a_signal) {
  Digest want = fixture_undisturbed();
  static const rlim_t budgets[] = {1, 3000, 20000, 40000, 70000, 100000, 300000};
  int refused = 0;
  for (size_t i = 0; i < 2 * sizeof budgets / sizeof *budgets; i++) { /* contiguous, and in deflated chunks */
    Fixture f = fixture_make();
    int from;
    pid_t child = start(&f, budgets[i / 2], i % 2 ? 4 : 0, &from);
    Ended ended = finish(child, from);
    cr_assert(WIFEXITED(ended.status), "%lu bytes: signal %d", budgets[i / 2], WTERMSIG(ended.status));
    cr_assert(WEXITSTATUS(ended.status) == 2 || WEXITSTATUS(ended.status) == 0, "%lu bytes: exit %d", budgets[i / 2],
              ended.status);
    if (WEXITSTATUS(ended.status) == 2) {
      refused++;
      cr_expect(strstr(ended.text, "File too large"), "%lu bytes: %s", budgets[i / 2], ended.text);
      cr_expect(!fixture_there(&f, "") && !fixture_there(&f, ".partial") &&
                    !fixture_there(&f, ".parts/address.layer_00.h5.tmp"),
                "%lu bytes", budgets[i / 2]);
    }
    Status st = {0};
    if (WEXITSTATUS(ended.status) == 2) cr_assert(fixture_run(&f, &st), "%lu bytes: %s", budgets[i / 2], st.text);
    Digest got = fixture_content(&f);
    cr_expect_str_eq(got.hex, want.hex);
    fixture_drop(&f);
  }
  cr_expect(refused >= 8, "only %d budgets were too small: the test has lost its sense", refused);
}

/* Segments of the first prompt stay whole while the disk fills; then there is room again. */
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
  int no_space = 0, no_room = 0;
  for (int kib = 8; kib <= 1024; kib += kib < 128 ? 16 : 96) {
    snprintf(options, sizeof options, "size=%dk", kib);
    cr_assert(mount("tmpfs", mounted, "tmpfs", 0, options) == 0);
    int from;
    pid_t child = start(&f, 0, 0, &from);
    Ended ended = finish(child, from);
    cr_assert(WIFEXITED(ended.status), "%d KiB: signal %d", kib, WTERMSIG(ended.status));
    bool full = strstr(ended.text, "No space left on device"), short_of_room = strstr(ended.text, "are missing");
    cr_expect(WEXITSTATUS(ended.status) == 0 || full || short_of_room, "%d KiB: %s", kib, ended.text);
    no_space += full, no_room += short_of_room;
    cr_assert(mount("tmpfs", mounted, "tmpfs", MS_REMOUNT, "size=4m") == 0);
    Status st = {0};
    if (WEXITSTATUS(ended.status)) cr_assert(fixture_run(&f, &st), "%d KiB: %s", kib, st.text);
    Digest got = fixture_content(&f);
    cr_expect_str_eq(got.hex, want.hex);
    cr_assert(umount(mounted) == 0);
  }
  cr_expect(no_space >= 3 && no_room >= 1, "%d full disks, %d joins without room", no_space, no_room);
  umount(mounted);
  fixture_drop(&f);
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Each run is killed again and again until it gets through; a kill counts where the process was still alive. */
Test(store_faults, killed_runs_go_on_to_the_same_digests) {
  enum { KILLS = 20 };
  Digest want = fixture_undisturbed();
  uint64_t state = 7;
  int kills = 0, resumed = 0;
  Fixture timed = fixture_make();
  int from;
  double began = seconds();
  pid_t child = start(&timed, 0, 0, &from);
  finish(child, from);
  double whole_s = seconds() - began;
  fixture_drop(&timed);
  while (kills < KILLS) {
    Fixture f = fixture_make();
    for (int attempt = 0; attempt < 8; attempt++) {
      resumed += fixture_there(&f, ".parts/address.layer_00.h5");
      child = start(&f, 0, 0, &from);
      usleep((useconds_t)(1e6 * whole_s * (double)(fixture_bits(&state) % 1000) / 1000));
      kill(child, SIGKILL);
      Ended ended = finish(child, from);
      if (!WIFSIGNALED(ended.status)) break;
      kills++;
    }
    Status st = {0};
    if (!fixture_there(&f, "")) cr_assert(fixture_run(&f, &st), "%s", st.text);
    journal_discard(f.arena, f.results, &f.key);
    cr_expect(!fixture_there(&f, ".parts"), "the journal is still there");
    Digest got = fixture_content(&f);
    cr_expect_str_eq(got.hex, want.hex);
    fixture_drop(&f);
  }
  cr_expect(resumed >= 3, "%d kills, %d times gone on: too few for this test to say something", kills, resumed);
  cr_log_info("%d kills, %d times gone on with finished layers", kills, resumed);
}

/* Both children wait at a pipe, then try at once; who has the lock holds it until both have tried. */
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
      store_start();
      close(go[1]), close(leave[1]);
      Journal journal;
      Status st = {0};
      char byte;
      if (read(go[0], &byte, 1) != 0) _exit(9);
      bool ok = journal_open(&f.arena, f.results, &f.key, &f.shape, false, false, 0, &journal, &st);
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
    cr_expect(exits[0] + exits[1] == 2 && exits[0] * exits[1] == 0, "race %d: exits %d and %d", race, exits[0],
              exits[1]);
    close(go[0]), close(tried[0]), close(tried[1]), close(leave[0]);
    fixture_drop(&f);
  }
}

/* HDF5 makes the file, then fails to lock it. */
Test(store_faults, file_that_hdf5_could_make_but_not_open_is_not_left_behind) {
  for (int at = 0; at < 2; at++) { /* in the first segment; at the join */
    Fixture f = fixture_make();
    Status st = {0};
    Journal journal;
    unsetenv("HDF5_USE_FILE_LOCKING");
    pid_t child = fork();
    if (child == 0) {
      store_start();
      if (!journal_open(&f.arena, f.results, &f.key, &f.shape, false, false, 0, &journal, &st)) _exit(7);
      if (at && !fixture_layers(&f, &journal, -1, &st)) _exit(7);
      if (!refuse_call(SYS_flock, ENOLCK)) _exit(9);
      Segment segment;
      bool ok =
          at ? journal_join(&journal, NULL, 0, NULL, 0, f.arena, &st) : segment_create(&journal, 0, 0, &segment, &st);
      _exit(ok ? 1 : strstr(st.text, at ? "r.h5.partial" : "layer_00.h5.tmp") ? 0 : 2);
    }
    int status;
    cr_assert(waitpid(child, &status, 0) == child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 9) cr_skip_test("no seccomp filters here");
    /* a join reads the segments first, which need a lock too: it may fail there */
    cr_expect(status == 0 || (at && WEXITSTATUS(status) == 2), "%d: status %x", at, (unsigned)status);
    cr_expect(!fixture_there(&f, ".partial") && !fixture_there(&f, ".parts/address.layer_00.h5.tmp"), "%d", at);
    fixture_drop(&f);
  }
}

Test(store_faults, what_stands_of_a_run_is_counted_and_another_run_is_refused) {
  Fixture f = fixture_make();
  Status st = {0};
  Journal journal;
  uint64_t before, after, anew;
  cr_assert(journal_standing(f.results, &f.key, false, &before, f.arena, &st), "%s", st.text);
  cr_expect_eq(before, 0);
  cr_assert(journal_open(&f.arena, f.results, &f.key, &f.shape, false, false, 0, &journal, &st), "%s", st.text);
  cr_assert(fixture_layers(&f, &journal, -1, &st), "%s", st.text);
  journal_close(&journal);
  cr_assert(journal_standing(f.results, &f.key, false, &after, f.arena, &st), "%s", st.text);
  char line[256];
  snprintf(line, sizeof line, "cat %s.parts/*.h5 | wc -c", f.results);
  FILE *pipe = popen(line, "r");
  unsigned long long bytes = 0;
  cr_assert(pipe && fscanf(pipe, "%llu", &bytes) == 1);
  pclose(pipe);
  cr_expect_eq(after, bytes, "%llu of %llu", (unsigned long long)after, bytes);
  RunKey other = f.key;
  other.spec = digest_of("other", 5);
  cr_assert(journal_standing(f.results, &other, true, &anew, f.arena, &st), "%s", st.text);
  cr_expect_eq(anew, bytes, "what --fresh removes makes room");
  cr_expect(!journal_standing(f.results, &other, false, &anew, f.arena, &st) && strstr(st.text, "other spec"), "%s",
            st.text);
  fixture_drop(&f);
}
