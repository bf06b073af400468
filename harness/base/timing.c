#include "base/timing.h"

#include <assert.h>
#include <omp.h>
#include <string.h>

#include "base/progress.h"

double timing_run_s(Work work, int calls) {
  double start_s = clock_s();
  for (int i = 0; i < calls; i++) work.run(work.context);
  return clock_s() - start_s;
}

Timed timing_repeat(Work work, const Repeats *r) {
  double second[TIMING_MOST], room[TIMING_MOST], spent_s = 0;
  assert(r->most >= 1 && r->most <= TIMING_MOST);
  int samples = 0;
  timing_run_s(work, r->warm);
  while (samples < r->most && (samples < r->least || spent_s < r->enough_s)) {
    double taken_s = timing_run_s(work, r->calls);
    second[samples++] = taken_s / r->calls;
    spent_s += taken_s;
  }
  return (Timed){middle_of(second, (size_t)samples, room), samples};
}

static void run_copy(void *context) {
  const Copy *c = context;
#pragma omp parallel
  {
    size_t threads = (size_t)omp_get_num_threads(), me = (size_t)omp_get_thread_num();
    size_t first = c->bytes * me / threads, end = c->bytes * (me + 1) / threads;
    memcpy(c->to + first, c->from + first, end - first);
  }
  __asm__ volatile("" ::: "memory"); /* the next copy is not the same one again to the compiler */
}

Work copy_work(Copy *copy) { return (Work){run_copy, copy}; }
