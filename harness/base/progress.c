#include "base/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BAR_WIDTH = 32 };
static const double redraw_s = 0.05; /* often enough to look alive, seldom enough to cost nothing */

double clock_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

Progress progress_start(bool quiet) {
  const char *term = getenv("TERM");
  return (Progress){.quiet = quiet, .bar = !quiet && isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0};
}

static void draw(Progress *p) {
  int filled = p->total ? BAR_WIDTH * p->done / p->total : 0;
  char bar[BAR_WIDTH + 1];
  memset(bar, '.', BAR_WIDTH);
  memset(bar, '#', (size_t)filled);
  bar[BAR_WIDTH] = 0;
  fprintf(stderr, "\r%-12s [%s] %d/%d", p->phase, bar, p->done, p->total);
  fflush(stderr);
  p->drawn_s = clock_s();
}

void progress_say(const Progress *p, const char *format, ...) {
  if (p->quiet) return;
  va_list args;
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
}

void progress_phase(Progress *p, const char *phase, int total) {
  p->phase = phase;
  p->total = total;
  p->done = 0;
  p->phase_start_s = clock_s();
  if (p->bar) draw(p);
}

void progress_step(Progress *p, int done) {
  p->done = done;
  if (p->bar && clock_s() - p->drawn_s > redraw_s) draw(p);
}

void progress_clear(Progress *p) {
  if (p->bar) fprintf(stderr, "\r\033[K");
}

double progress_done(Progress *p, const char *remark, ...) {
  double time_s = clock_s() - p->phase_start_s;
  progress_clear(p);
  if (!p->quiet) {
    char text[256];
    va_list args;
    va_start(args, remark);
    vsnprintf(text, sizeof text, remark, args);
    va_end(args);
    fprintf(stderr, "%-12s %-58s %6.2f s\n", p->phase, text, time_s);
  }
  return time_s;
}
