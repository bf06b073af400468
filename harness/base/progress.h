/* progress: what the program is doing, on standard error. A phase is one line when it ends; on a
 * terminal a bar stands there meanwhile. Silent with -q; no bar and no colour with TERM=dumb.
 * Phases and templates are English and pass through `translate`. */
#ifndef DS_BASE_PROGRESS_H
#define DS_BASE_PROGRESS_H
#include <stdbool.h>

typedef struct Progress {
  bool quiet, bar;
  const char *phase;
  int total, done;
  double phase_start_s, drawn_s;
  const char *(*translate)(int language,
                           const char *english); /* NULL: what is passed is shown as it is */
  int language;
} Progress;

/* Seconds of the monotonic clock. */
double clock_s(void);

Progress progress_start(bool quiet);
/* "1 window", "2 windows": a number of things in a remark; translated as "%ld window". */
typedef struct ProgressCount {
  char text[64];
} ProgressCount;
ProgressCount progress_count(const Progress *p, long count, const char *noun);
/* A line of its own. */
void progress_say(const Progress *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
void progress_phase(Progress *p, const char *phase, int total);
void progress_step(Progress *p, int done);
/* Ends the phase with a line of its name, a remark and the time taken; returns that time in
 * seconds. */
double progress_done(Progress *p, const char *remark, ...) __attribute__((format(printf, 2, 3)));
/* The same line of what was done in the course of a phase, which goes on; its time is then no part
 * of the phase's. */
void progress_tell(Progress *p, const char *phase, double time_s, const char *remark, ...)
    __attribute__((format(printf, 4, 5)));
/* Such a line of its own. */
void progress_line(const Progress *p, const char *phase, const char *text, double time_s);
/* Takes the bar away, so that an error message stands on a line of its own. */
void progress_clear(Progress *p);

#endif
