#include "base/ranks.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"
#include "base/process.h"

static const RanksWork *work; /* NULL: there is one rank */

const Ranks *ranks(void) {
  static const Ranks alone = {.count = 1, .locals = 1, .hosts = 1};
  return work ? work->now() : &alone;
}

/* How many ranks a launcher says there are; 1 where it does not say it, 0: there is none. */
static int launched(void) {
  const char *count = getenv("OMPI_COMM_WORLD_SIZE");
  if (!count) count = getenv("PMI_SIZE");
  if (count) return number_in(count, INT_MAX) > 1 ? number_in(count, INT_MAX) : 1;
  return getenv("PMIX_RANK") || getenv("PMI_RANK") ? 1 : 0;
}

/* Beside the program, or where it was installed. */
static void *load_library(void) {
  static const char *const place[] = {"", "../lib/driftscope/"};
  char path[PATH_MAX];
  void *library = NULL;
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 64);
  char *name = length > 0 ? memrchr(path, '/', (size_t)length) : NULL;
  for (int i = 0; name && !library && i < 2; i++) {
    sprintf(name + 1, "%s" RANKS_LIBRARY, place[i]);
    library = access(path, R_OK) == 0 ? dlopen(path, RTLD_NOW | RTLD_GLOBAL) : NULL;
  }
  return library;
}

bool ranks_start(Status *st) {
  const int count = launched();
  if (!count) return true;
  void *library = load_library();
  const char *why = library ? NULL : dlerror();
  if (library) work = dlsym(library, "ranks_work");
  if (work) {
    const bool ok = work->start(count, st);
    process_note_stop(work->stopped());
    return ok;
  }
  if (count == 1) return true; /* one alone needs none */
  return FAIL(st, "started as one of %d ranks, and %s%.300s", count,
              why ? "MPI cannot be loaded: "
                  : "built without MPI: `make` builds it in where mpicc is on the path",
              why ? why : "");
}

bool ranks_meet(Status *st) { return work ? work->meet(st) : !st->failed; }

bool ranks_tell(int *value, Status *st) { return work ? work->tell(value, st) : !st->failed; }

bool ranks_sum(double *number, int count, Status *st) {
  return work ? work->sum(number, count, st) : !st->failed;
}

bool ranks_alike(const void *bytes, size_t count, int *first, Status *st) {
  *first = -1;
  return work ? work->alike(bytes, count, first, st) : !st->failed;
}

const Deal *ranks_deal(void) { return work ? work->deal() : NULL; }

bool ranks_end(bool ok, Status *st) { return work ? work->end(ok, st) : ok; }

void ranks_leave(void) {
  process_note_stop(NULL); /* its number stands in memory that goes */
  if (work) work->leave();
}
