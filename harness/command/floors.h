/* floors: what a machine's threads can do at most, measured: the figures that every time of bench
 * is held against. On a CPU the peaks of the level that runs (kernels/peak.h), by all threads at
 * once; best of several, since whatever else runs can only slow them down. */
#ifndef DS_COMMAND_FLOORS_H
#define DS_COMMAND_FLOORS_H
#include <stdbool.h>

#include "base/status.h"
#include "kernels/peak.h"
#include "kernels/watch.h"

typedef struct Floors {
  double per_s[PEAK_COUNT]; /* operations a second; 0: not known */
  double copy_bytes_per_s;  /* read and written, of a large copy */
  double write_bytes_per_s; /* write(2) to a new file in `folder`, pages of the cache and all */
} Floors;

/* Peaks and writing; the copy is the caller's. */
bool floors_measure(const char *folder, Floors *floors, Status *st);
/* The least time that this work takes. Exps at their rate, other float32 instructions at the fmas'.
 */
double floors_least_s(const Floors *floors, CallWork work);
#endif
