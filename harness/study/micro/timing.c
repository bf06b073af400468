/* timing: the median of many runs, beside a plain copy that moves as many bytes on the same threads. Nothing but the
 * table depends on it. */
#include <omp.h>
#include <string.h>

#include "base/progress.h"
#include "base/quantiles.h"
#include "study/micro/rows.h"

enum { RUNS_LEAST = 5, RUNS_MOST = 101 };
static const double enough_s = 0.005; /* for each of the two */

/* Reads half of the bytes and writes the other half, as an operator reads its inputs and writes its outputs. */
static void copy(char *to, const char *from, size_t bytes) {
#pragma omp parallel
  {
    size_t threads = (size_t)omp_get_num_threads(), me = (size_t)omp_get_thread_num();
    size_t first = bytes * me / threads, last = bytes * (me + 1) / threads;
    memcpy(to + first, from + first, last - first);
  }
}

Timing micro_time(Operator *o, Arena scratch) {
  Tensor *out[OPERATOR_OUTPUTS];
  for (int i = 0; i < OPERATOR_OUTPUTS; i++) out[i] = &o->out[i].got;
  size_t half = (size_t)(operator_bytes(o) + 1) / 2;
  char *from = arena_alloc(&scratch, half, 1), *to = arena_alloc(&scratch, half, 1);
  double taken[2][RUNS_MOST], work[RUNS_MOST];
  Middle middle[2];
  Timing timing = {0};
  for (int what = 0; what < 2; what++) {
    double spent = 0;
    int runs = 0;
    for (int run = -1; run < RUNS_MOST && (run < RUNS_LEAST || spent < enough_s); run++) { /* the first warms up */
      double start = clock_s();
      if (what == 0)
        operator_run(o, out, scratch);
      else
        copy(to, from, half);
      double time = clock_s() - start;
      if (run >= 0) taken[what][runs++] = time, spent += time;
    }
    if (what == 0) timing.runs = runs;
    middle[what] = middle_of(taken[what], (size_t)runs, work);
  }
  timing.time_us = 1e6 * middle[0].median;
  timing.mad_us = 1e6 * middle[0].mad;
  timing.copy_us = 1e6 * middle[1].median;
  return timing;
}
