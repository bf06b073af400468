/* no_ranks: where the program is built without MPI there is one rank. */
#include <stdlib.h>

#include "base/ranks.h"

static Ranks alone = {.count = 1, .locals = 1, .hosts = 1};

const Ranks *ranks(void) { return &alone; }

bool ranks_start(Status *st) {
  static const char *const counts[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"};
  for (int i = 0; i < 2; i++) {
    const char *count = getenv(counts[i]);
    if (count && atoi(count) > 1)
      return FAIL(st,
                  "started as one of %s ranks, and built without MPI: `make MPI=1` builds it in",
                  count);
  }
  return true;
}

bool ranks_meet(Status *st) { return !st->failed; }

bool ranks_tell(int *value, Status *st) {
  (void)value;
  return !st->failed;
}

bool ranks_sum(double *number, int count, Status *st) {
  (void)number, (void)count;
  return !st->failed;
}

bool ranks_alike(const void *bytes, size_t count, int *first, Status *st) {
  (void)bytes, (void)count;
  *first = -1;
  return !st->failed;
}

const Deal *ranks_deal(void) { return NULL; }

bool ranks_end(bool ok, Status *st) {
  (void)st;
  return ok;
}

void ranks_leave(void) {}
