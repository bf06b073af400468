/* timing: how long work takes on this machine's threads: again and again, the median and its
 * spread, beside a plain copy of as many bytes. Every figure of time in seconds. */
#ifndef DS_BASE_TIMING_H
#define DS_BASE_TIMING_H
#include <stddef.h>

#include "base/quantiles.h"

/* Work that can be done again and again. */
typedef struct Work {
  void (*run)(void *context);
  void *context;
} Work;

/* What it takes to do it `calls` times, together. */
double timing_run_s(Work work, int calls);

enum { TIMING_MOST = 128 };
/* A sample is the mean of `calls` calls. There are at least `least` of them, and then more until
 * they took `enough_s` together or are `most`, at most TIMING_MOST. */
typedef struct Repeats {
  int warm; /* calls before, which no clock sees */
  int calls, least, most;
  double enough_s;
} Repeats;

typedef struct Timed {
  Middle call_s; /* of a call */
  int samples;
} Timed;
Timed timing_repeat(Work work, const Repeats *repeats);

/* A copy by all threads: `bytes` are read and as many written. `from` has been written before: of
 * memory that never was, the system reads one page of zeros again and again. */
typedef struct Copy {
  char *to;
  const char *from;
  size_t bytes;
} Copy;
Work copy_work(Copy *copy); /* which stays where it is */
#endif
