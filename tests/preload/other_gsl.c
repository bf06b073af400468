/* other_gsl: preloaded, GSL's smallest and largest element, which a row of a tensor is judged by
 * once and a pair's once or twice, is told wrong from some call on, or the process is killed as it
 * is asked for. GSL_WRONG_FROM, GSL_KILLED_AT: when, from 1; GSL_COUNT: a file that is told how
 * often it was. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_long count;

static long number_of(const char *name) {
  const char *text = getenv(name);
  return text ? atol(text) : 0;
}

void gsl_stats_minmax(double *min, double *max, const double *x, size_t stride, size_t n) {
  static void (*own)(double *, double *, const double *, size_t, size_t);
  const long now = atomic_fetch_add(&count, 1) + 1, wrong = number_of("GSL_WRONG_FROM");
  if (now == number_of("GSL_KILLED_AT")) kill(getpid(), SIGKILL);
  if (!own) *(void **)&own = dlsym(RTLD_NEXT, "gsl_stats_minmax");
  own(min, max, x, stride, n);
  if (wrong && now >= wrong) *max += 1;
}

__attribute__((destructor)) static void tell(void) {
  const char *path = getenv("GSL_COUNT");
  char text[32];
  if (!path) return;
  const int length = snprintf(text, sizeof text, "%ld\n", atomic_load(&count)),
            file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (write(file, text, (size_t)length) == length) close(file);
}
