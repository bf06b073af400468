/* The folder that a command writes into: one command at a time, nothing half written, nothing of
 * anybody else's. */
#include "base/folder.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "tests/refused_calls.h"
#include "tests/shell.h"

TestSuite(folder, .init = shell_begin, .fini = shell_end);

static const char *inside(const char *name) {
  static char path[4][128];
  static int next;
  char *to = path[next++ % 4];
  snprintf(to, sizeof *path, "%s/%s", shell_folder, name);
  return to;
}

Test(folder, second_lock_is_refused_and_the_first_one_given_back_is_free_again) {
  Status st = {0}, second = {0};
  int lock, other;
  cr_assert(folder_lock(inside("a/b"), false, &lock, &st), "%s", st.text);
  cr_expect(!folder_lock(inside("a/b"), false, &other, &second) &&
                strstr(second.text, "a/b: is in use by another run"),
            "%s", second.text);
  folder_unlock(&lock);
  cr_assert(folder_lock(inside("a/b"), false, &other, &st), "%s", st.text);
  folder_unlock(&other);
}

Test(folder, lock_that_a_child_has_too_is_given_back) {
  Status st = {0};
  int lock, other, ends[2];
  cr_assert(folder_lock(inside("b"), true, &lock, &st) && pipe(ends) == 0, "%s", st.text);
  pid_t child = fork();
  if (child == 0) {
    char end;
    close(ends[1]);
    _exit(read(ends[0], &end, 1) != 0);
  }
  folder_unlock(&lock);
  cr_expect(folder_lock(inside("b"), true, &other, &st), "%s", st.text);
  folder_unlock(&other);
  close(ends[0]), close(ends[1]);
  cr_expect_eq(waitpid(child, NULL, 0), child);
}

Test(folder, own_folder_that_is_a_link_is_refused_and_what_it_points_to_stays) {
  Status st = {0};
  int lock;
  cr_assert(mkdir(inside("there"), 0777) == 0 && symlink("there", inside("link")) == 0);
  cr_assert(symlink("nowhere", inside("dangling")) == 0);
  cr_expect(!folder_lock(inside("link"), true, &lock, &st) &&
                strstr(st.text, "link: is a symbolic link"),
            "%s", st.text);
  st = (Status){0};
  cr_expect(!folder_lock(inside("dangling"), true, &lock, &st) && strstr(st.text, "symbolic link"),
            "%s", st.text);
  cr_expect(!file_exists(inside("nowhere")));
  st = (Status){0};
  cr_assert(folder_lock(inside("link"), false, &lock, &st),
            "a folder that somebody named may be a link: %s", st.text);
  folder_unlock(&lock);
}

Test(folder, temporary_files_of_a_killed_writer_go_and_all_others_stay) {
  Status st = {0};
  const char *const stay[] = {"report.md",
                              "report.md.tmp",
                              "x.driftscope-.tmp",
                              "x.driftscope-12.tmp",
                              "x.driftscope-1-2.tmp.old",
                              "driftscope-1-2"};
  const char *const go[] = {"report.md.driftscope-1-0.tmp", "a.csv.driftscope-4711-12.tmp"};
  for (size_t i = 0; i < sizeof stay / sizeof *stay; i++)
    cr_assert(file_write(inside(stay[i]), "x", 1, false, &st));
  for (size_t i = 0; i < sizeof go / sizeof *go; i++)
    cr_assert(file_write(inside(go[i]), "x", 1, false, &st));
  folder_tidy(shell_folder);
  for (size_t i = 0; i < sizeof stay / sizeof *stay; i++)
    cr_expect(file_exists(inside(stay[i])), "%s", stay[i]);
  for (size_t i = 0; i < sizeof go / sizeof *go; i++)
    cr_expect(!file_exists(inside(go[i])), "%s", go[i]);
}

/* Whoever opens the other's temporary file writes into it. */
Test(folder, two_writers_of_one_file_never_mix_their_bytes) {
  enum { WRITERS = 4, TIMES = 200, BYTES = 20000 };
  pid_t child[WRITERS];
  for (int w = 0; w < WRITERS; w++) {
    child[w] = fork();
    if (child[w]) continue;
    static char text[BYTES];
    memset(text, 'a' + w, BYTES - 1000 * (size_t)w);
    Status st = {0};
    bool ok = true;
    for (int i = 0; i < TIMES; i++)
      ok = ok && file_write(inside("file"), text, BYTES - 1000 * (size_t)w, false, &st);
    _exit(ok ? 0 : 1);
  }
  for (int w = 0; w < WRITERS; w++) {
    int status;
    waitpid(child[w], &status, 0);
    cr_expect(status == 0, "writer %d: %x", w, (unsigned)status);
  }
  FILE *file = fopen(inside("file"), "r");
  cr_assert(file);
  int first = fgetc(file), c, count = 1;
  for (; (c = fgetc(file)) != EOF; count++)
    cr_assert(c == first, "byte %d is another writer's", count);
  cr_expect(count == BYTES - 1000 * (first - 'a'), "%d bytes", count);
  fclose(file);
  cr_expect(shell("ls %s | wc -l", shell_folder) == 0 && atoi(shell_output) == 1, "%s",
            shell_output);
}

/* In a child whose flock fails with `error`: 0 locked, 1 refused with these words, 2 refused with
 * others. */
static int lock_where_flock_fails(int error, const char *words, bool without) {
  pid_t child = fork();
  if (child == 0) {
    Status st = {0};
    int lock;
    if (without) setenv("HDF5_USE_FILE_LOCKING", "FALSE", 1);
    if (!refuse_call(SYS_flock, (unsigned)error)) _exit(9);
    if (folder_lock(inside("nfs"), false, &lock, &st)) _exit(0);
    _exit(strstr(st.text, words) ? 1 : 2);
  }
  int status;
  cr_assert(waitpid(child, &status, 0) == child);
  cr_assert(WIFEXITED(status));
  if (WEXITSTATUS(status) == 9) cr_skip_test("no seccomp filters here");
  return WEXITSTATUS(status);
}

Test(folder, file_system_without_locks_is_named_as_that_and_what_helps) {
  unsetenv("HDF5_USE_FILE_LOCKING");
  const int without[] = {ENOLCK, ENOSYS, EOPNOTSUPP};
  for (int i = 0; i < 3; i++) {
    cr_expect_eq(lock_where_flock_fails(without[i], "gives no locks", false), 1, "%s",
                 strerror(without[i]));
    cr_expect_eq(lock_where_flock_fails(without[i], "HDF5_USE_FILE_LOCKING=FALSE", false), 1, "%s",
                 strerror(without[i]));
    cr_expect_eq(lock_where_flock_fails(without[i], "", true), 0, "%s", strerror(without[i]));
  }
  cr_expect_eq(lock_where_flock_fails(EIO, "cannot be locked: Input/output error", true), 1);
  cr_expect_eq(lock_where_flock_fails(EWOULDBLOCK, "in use by another run", true), 1);
}
