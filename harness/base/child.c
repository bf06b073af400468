#include "base/child.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Deflated tables and their digests are read at more than 20 MB/s on one core, twice: 4 MiB/s
 * leaves room for slow disks' checks and old machines. */
enum { SECONDS_LEAST = 30, BYTES_PER_SECOND = 1 << 22 };

static const rlim_t memory_bytes = (rlim_t)1 << 31;

/* Never more than the process has already. */
static rlim_t seconds_for(const char *const *files, int count) {
  struct stat info;
  struct rlimit now;
  rlim_t seconds = SECONDS_LEAST;
  for (int i = 0; i < count; i++)
    if (stat(files[i], &info) == 0) seconds += (rlim_t)info.st_size / BYTES_PER_SECOND;
  return getrlimit(RLIMIT_CPU, &now) == 0 && now.rlim_cur < seconds ? now.rlim_cur : seconds;
}

/* Address space in use, the arena's reservation with it; 0: not known. */
static rlim_t bytes_reserved(void) {
  unsigned long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file) return 0;
  if (fscanf(file, "%lu", &pages) != 1) pages = 0;
  fclose(file);
  return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

/* Never above what is allowed already. */
static void limit(__rlimit_resource_t what, rlim_t most) {
  struct rlimit now;
  if (getrlimit(what, &now) != 0) return;
  if (now.rlim_cur == RLIM_INFINITY || now.rlim_cur > most) now.rlim_cur = most;
  setrlimit(what, &now);
}

static void set_limits(rlim_t seconds) {
  rlim_t reserved = bytes_reserved();
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_CPU, seconds);
  if (reserved) limit(RLIMIT_AS, reserved + memory_bytes);
}

void child_has_read(void) {
  struct rlimit now;
  if (getrlimit(RLIMIT_CPU, &now) != 0) return;
  now.rlim_cur = now.rlim_max;
  setrlimit(RLIMIT_CPU, &now);
}

static int lost(const char *const *files, int count, Status *st, const char *format, ...) {
  char why[128];
  va_list args;
  va_start(args, format);
  vsnprintf(why, sizeof why, format, args);
  va_end(args);
  status_set(st, "%s%s%s: %s", files[0], count > 1 ? " or " : "", count > 1 ? files[1] : "", why);
  return CHILD_NONE;
}

int child_start(const char *const *files, int count, Status *st) {
  rlim_t seconds = seconds_for(files, count);
  int status;
  pid_t parent = getpid(), child = fork();
  if (child < 0) return lost(files, count, st, "no process to read it in: %s", strerror(errno));
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* it does not outlive its parent */
    if (getppid() != parent) _exit(2);
    set_limits(seconds);
    return CHILD_HERE;
  }
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return lost(files, count, st, "its reader is lost: %s", strerror(errno));
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  if (WTERMSIG(status) != SIGXCPU)
    return lost(files, count, st, "HDF5 failed to read it (signal %d)", WTERMSIG(status));
  return lost(files, count, st, "is not read after %llu s of processor time",
              (unsigned long long)seconds);
}
