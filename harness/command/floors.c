#include "command/floors.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/progress.h"

enum { TRIES = 25, WRITTEN = 1 << 28, PIECE = 1 << 22 };
static const double try_s = 5e-3;

/* Of all threads: each does as much, at the same time. */
static double rate_once(Peak kind, int rounds) {
  double operations = 0, started_s = 0;
#pragma omp parallel reduction(+ : operations)
  {
    peak_work(kind, 1 + rounds / 8); /* the clock of a core that slept comes up first */
#pragma omp barrier
#pragma omp single
    started_s = clock_s();
    operations += peak_work(kind, rounds);
  }
  return operations / (clock_s() - started_s);
}

static double rate(Peak kind) {
  int rounds = 1;
  double took_s = 0, best = 0;
  while (took_s < try_s && rounds < 1 << 28) {
    double started_s = clock_s();
    peak_work(kind, rounds *= 2);
    took_s = clock_s() - started_s;
  }
  for (int i = 0; i < TRIES; i++) best = fmax(best, rate_once(kind, rounds));
  return best;
}

static bool write_rate(const char *folder, double *rate_bytes, Status *st) {
  char path[4096];
  static char piece[PIECE];
  snprintf(path, sizeof path, "%s/driftscope-bench-XXXXXX", folder);
  int file = mkstemp(path);
  if (file < 0) return FAIL(st, "%s: cannot be written: %s", path, strerror(errno));
  unlink(path);
  memset(piece, 1, sizeof piece);
  double started_s = clock_s();
  bool ok = true;
  for (int written = 0; ok && written < WRITTEN; written += PIECE)
    ok = write(file, piece, PIECE) == PIECE;
  *rate_bytes = WRITTEN / (clock_s() - started_s);
  int error = errno;
  close(file);
  return ok || FAIL(st, "%s: cannot be written: %s", path, strerror(error));
}

bool floors_measure(const char *folder, Floors *floors, Status *st) {
  *floors = (Floors){.copy_bytes_per_s = 0};
  for (int kind = 0; kind < PEAK_COUNT; kind++) floors->per_s[kind] = rate((Peak)kind);
  for (int i = 0; i < 3; i++) { /* the first takes pages that others left */
    double once;
    TRY(write_rate(folder, &once, st));
    floors->write_bytes_per_s = fmax(floors->write_bytes_per_s, once);
  }
  return true;
}

double floors_least_s(const Floors *f, CallWork work) {
  double steps = (double)(work.float_steps - work.exps * WATCH_EXP_STEPS);
  double least = steps / f->per_s[PEAK_FMA32] + (double)work.exps / f->per_s[PEAK_EXP];
  least += (double)work.i8_macs / f->per_s[PEAK_I8];
  return fmax(least, (double)work.bytes / f->copy_bytes_per_s);
}
