#include "base/process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

void process_fill_descriptors(void) {
  static const int useless[] = {O_WRONLY, O_RDONLY, O_RDONLY}; /* each the way it is not used */
  for (int fd = 0; fd < 3; fd++)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", useless[fd]) < 0) return;
}

/* What runs is what /proc/self/exe would start: not so under valgrind, which answers readlink and
 * open for that name but is what would be started. */
static bool runs_itself(void) {
  struct stat named, run;
  const char *name = (const char *)getauxval(AT_EXECFN);
  return name && stat(name, &named) == 0 && stat("/proc/self/exe", &run) == 0 &&
         named.st_dev == run.st_dev && named.st_ino == run.st_ino;
}

void process_restart(char **argv) {
  if (getenv("OMP_WAIT_POLICY")) return;
  if (runs_itself() && setenv("OMP_WAIT_POLICY", "passive", 0) == 0) execv("/proc/self/exe", argv);
}

/* What is left of one limit of which `pages` are used. */
static size_t left_of(int resource, size_t pages) {
  struct rlimit limit;
  if (getrlimit((__rlimit_resource_t)resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return SIZE_MAX;
  size_t used = pages * (size_t)sysconf(_SC_PAGESIZE);
  return limit.rlim_cur > used ? limit.rlim_cur - used : 0;
}

size_t process_room(void) {
  size_t all = 0, data = 0;
  FILE *file = fopen("/proc/self/statm", "re");
  if (file && fscanf(file, "%zu %*u %*u %*u %*u %zu", &all, &data) != 2) all = data = 0;
  if (file) fclose(file);
  size_t address = left_of(RLIMIT_AS, all), writable = left_of(RLIMIT_DATA, data);
  return address < writable ? address : writable;
}

size_t process_stack(void) {
  const size_t usual = (size_t)8 << 20;
  struct rlimit stack;
  bool known = getrlimit(RLIMIT_STACK, &stack) == 0 && stack.rlim_cur != RLIM_INFINITY;
  return known ? stack.rlim_cur : usual;
}

int64_t process_peak(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (int64_t)usage.ru_maxrss * 1024;
}

static int bus_error_status;

/* What may be called here is little: no printf, no exit. */
static void end_on_bus_error(int signal_number) {
  static const char line[] = "driftscope: a file that is read (a checkpoint's) became shorter "
                             "meanwhile, or its disk fails\n";
  (void)signal_number;
  if (write(STDERR_FILENO, line, sizeof line - 1) < 0) _exit(bus_error_status);
  _exit(bus_error_status);
}

void process_end_on_bus_error(int exit_status) {
  struct sigaction action = {.sa_handler = end_on_bus_error};
  bus_error_status = exit_status;
  sigaction(SIGBUS, &action, NULL);
}
