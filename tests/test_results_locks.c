/* HDF5's own lock on a file: said as what it is, with the way out, for reading and for writing. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/syscall.h>

#include "fixture_store.h"
#include "shell.h"
#include "study/micro/vectors.h"

/* libhdf5 calls this one: what a network file system without locks answers. */
static int answer, after; /* once so many have been given */
int flock(int descriptor, int operation) {
  if (answer && after-- <= 0) return errno = answer, -1;
  return (int)syscall(SYS_flock, descriptor, operation);
}

static void expect_said(const char *text, const char *file, const char *reason) {
  cr_expect(strstr(text, file) == text && strstr(text, reason) &&
                strstr(text, "HDF5_USE_FILE_LOCKING=FALSE"),
            "%s", text);
  cr_expect(!strstr(text, "bytes free"), "a lock is no lack of room: %s", text);
}

Test(results_locks, file_system_without_locks_is_named_for_reading_and_writing) {
  Fixture f = fixture_make();
  Status good = {0}, read = {0}, written = {0}, vectors = {0};
  Results results;
  Store *store;
  Vectors stored;
  cr_assert(fixture_run(&f, &good), "%s", good.text);
  answer = ENOLCK;
  cr_expect(!results_open(f.results, &results, f.arena, &read));
  expect_said(read.text, f.results, "its file system gives no locks (No locks available)");
  cr_expect(!vectors_open(&f.arena, f.results, MICRO_CONV1D, TOKENS_UNTOLD, &stored, &vectors));
  expect_said(vectors.text, f.results, "its file system gives no locks (No locks available)");
  answer = ENOLCK, after = 1; /* the folder's own lock, then HDF5's on the file */
  cr_assert(store_open(&f.arena, f.results, &f.key, &f.shape, true, false, &store, &good), "%s",
            good.text);
  cr_expect(!store_settle(store, false, &written));
  expect_said(written.text, f.results, "its file system gives no locks (No locks available)");
  store_close(store);
  answer = 0;
  fixture_drop(&f);
}

Test(results_locks, file_that_is_open_for_writing_elsewhere_is_said_to_be) {
  Fixture f = fixture_make();
  Status st = {0};
  Results results;
  cr_assert(fixture_run(&f, &st), "%s", st.text);
  int elsewhere = open(f.results, O_RDWR);
  cr_assert(elsewhere >= 0 && flock(elsewhere, LOCK_EX) == 0);
  cr_expect(!results_open(f.results, &results, f.arena, &st));
  expect_said(st.text, f.results, "another program has it open");
  cr_expect_eq(shell("%s report %s 2>&1", shell_program(), f.results), 2, "%s", shell_output);
  cr_expect(strstr(shell_output, "another program has it open"), "%s", shell_output);
  cr_expect_eq(shell("HDF5_USE_FILE_LOCKING=FALSE %s report %s 2>&1", shell_program(), f.results),
               0, "%s", shell_output);
  close(elsewhere);
  fixture_drop(&f);
}
