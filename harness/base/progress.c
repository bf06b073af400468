#include "base/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/columns.h"

enum { BAR_WIDTH = 32, PHASE_WIDTH = 12, REMARK_WIDTH = 58 };
static const double redraw_s = 0.05; /* often enough to look alive, seldom enough to cost nothing */

double clock_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

Progress progress_start(bool quiet) {
  const char *term = getenv("TERM");
  return (Progress){.quiet = quiet,
                    .bar = !quiet && isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0};
}

static const char *said(const Progress *p, const char *english) {
  return p->translate ? p->translate(p->language, english) : english;
}

ProgressCount progress_count(const Progress *p, long count, const char *noun) {
  ProgressCount c;
  char english[sizeof c.text];
  snprintf(english, sizeof english, "%%ld %s", noun);
  const char *words = said(p, english);
  const bool plural = words == english && count != 1;
  const int used = snprintf(c.text, sizeof c.text, words, count);
  if (plural && used > 0 && (size_t)used + 1 < sizeof c.text) strcpy(c.text + used, "s");
  return c;
}

/* Spaces behind a text, so that it is so wide. */
static int space_behind(const char *text, int columns) {
  int width = columns_of(text);
  return width < columns ? columns - width : 0;
}

static void draw(Progress *p) {
  int filled = p->total ? BAR_WIDTH * p->done / p->total : 0;
  char bar[BAR_WIDTH + 1];
  memset(bar, '.', BAR_WIDTH);
  memset(bar, '#', (size_t)filled);
  bar[BAR_WIDTH] = 0;
  const char *phase = said(p, p->phase);
  fprintf(stderr, "\r%s%*s [%s] %d/%d", phase, space_behind(phase, PHASE_WIDTH), "", bar, p->done,
          p->total);
  fflush(stderr);
  p->drawn_s = clock_s();
}

void progress_say(const Progress *p, const char *format, ...) {
  if (p->quiet) return;
  va_list args;
  va_start(args, format);
  vfprintf(stderr, said(p, format), args);
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

void progress_line(const Progress *p, const char *phase, const char *text, double time_s) {
  const char *name = said(p, phase);
  fprintf(stderr, "%s%*s %s%*s %6.2f s\n", name, space_behind(name, PHASE_WIDTH), "", text,
          space_behind(text, REMARK_WIDTH), "", time_s);
}

static void tell(Progress *p, const char *phase, double time_s, const char *remark, va_list args) {
  char text[256];
  progress_clear(p);
  if (p->quiet) return;
  vsnprintf(text, sizeof text, said(p, remark), args);
  progress_line(p, phase, text, time_s);
}

void progress_tell(Progress *p, const char *phase, double time_s, const char *remark, ...) {
  va_list args;
  va_start(args, remark);
  tell(p, phase, time_s, remark, args);
  va_end(args);
  p->phase_start_s += time_s;
}

double progress_done(Progress *p, const char *remark, ...) {
  double time_s = clock_s() - p->phase_start_s;
  va_list args;
  va_start(args, remark);
  tell(p, p->phase, time_s, remark, args);
  va_end(args);
  return time_s;
}
