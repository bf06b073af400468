#include "base/process.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
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

/* In turns of a loop of libgomp's, a thousand of which take 26 us on an AMD EPYC. On two cores
 * experiments/mode_2-0_vs_2-4.yaml takes 10.4 s with it and 13.3 s without. */
#define SPINS "1000"

void process_restart(char **argv) {
  if (getenv("OMP_WAIT_POLICY")) return;
  if (runs_itself() && setenv("GOMP_SPINCOUNT", SPINS, 0) == 0 &&
      setenv("OMP_WAIT_POLICY", "passive", 0) == 0)
    execv("/proc/self/exe", argv);
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

static const size_t usual = (size_t)8 << 20;

/* Less than 640 kB are used by whatever the program does (x86-64, gcc 12, -O3); four times that.
 * The C library has read the limit before main, for the threads. */
bool process_have_stack(Status *st) {
  const size_t least = (size_t)2560 << 10;
  struct rlimit stack;
  if (getrlimit(RLIMIT_STACK, &stack) != 0 || stack.rlim_cur >= least) return true;
  stack.rlim_cur = stack.rlim_max < usual ? stack.rlim_max : usual;
  if (stack.rlim_cur < least || setrlimit(RLIMIT_STACK, &stack) != 0)
    return FAIL(st,
                "stack: %zu kB can be had under the limit of this process (ulimit -s), at least "
                "%zu are needed",
                (size_t)stack.rlim_cur >> 10, least >> 10);
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return true;
  pthread_attr_setstacksize(&attributes, stack.rlim_cur);
  pthread_setattr_default_np(&attributes);
  pthread_attr_destroy(&attributes);
  return true;
}

size_t process_stack(void) {
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

/* A line of /proc/self/maps, "7f1c0000-7f1c8000 r--p … /path": whether its range holds the
 * address. */
static bool holds(const char *line, uintptr_t address) {
  char *end;
  const uintptr_t from = (uintptr_t)strtoull(line, &end, 16);
  return *end == '-' && address >= from && address < (uintptr_t)strtoull(end + 1, NULL, 16);
}

/* The file that is mapped there; NULL where none is found. What may be called in a signal's handler
 * is little: no printf, no exit, no memory. */
static const char *mapped_at(uintptr_t address) {
  static char line[128 + PATH_MAX];
  const int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  size_t length = 0;
  for (char c; maps >= 0 && read(maps, &c, 1) == 1;) {
    if (c != '\n' && length + 1 < sizeof line) line[length++] = c;
    if (c != '\n') continue;
    line[length] = 0, length = 0;
    if (holds(line, address)) return strchr(line, '/');
  }
  return NULL;
}

static void end_on_bus_error(int signal_number, siginfo_t *info, void *context) {
  static const char why[] = ": became shorter while it was read, or its disk fails\n";
  const char *file = mapped_at((uintptr_t)info->si_addr);
  (void)signal_number, (void)context;
  if (!file) file = "a file";
  const struct iovec line[] = {{(char[]){"driftscope: "}, 12},
                               {(char *)(uintptr_t)file, strlen(file)},
                               {(char *)(uintptr_t)why, sizeof why - 1}};
  if (writev(STDERR_FILENO, line, 3) < 0) _exit(bus_error_status);
  _exit(bus_error_status);
}

void process_end_on_bus_error(int exit_status) {
  struct sigaction action = {.sa_sigaction = end_on_bus_error, .sa_flags = SA_SIGINFO};
  bus_error_status = exit_status;
  sigaction(SIGBUS, &action, NULL);
}

/* --- stopped by somebody ---------------------------------------------------------------------- */

static const int stops[] = {SIGINT, SIGTERM, SIGXCPU};
enum { STOPS = sizeof stops / sizeof *stops };

static struct {
  const char *volatile means;
  atomic_int *noted;
} stop = {.means = ""};

const char *process_stop_name(int number) {
  if (number == SIGXCPU) return "SIGXCPU: its processor time is used up (ulimit -t)";
  return number == SIGINT ? "SIGINT" : "SIGTERM";
}

static struct iovec piece(const char *text) {
  return (struct iovec){(char *)(uintptr_t)text, strlen(text)};
}

/* A bar that stands there is overwritten. Its own action is the system's again when this runs. */
static void end_on_stop(int number) {
  const struct iovec line[] = {piece(isatty(STDERR_FILENO) ? "\r\033[K" : ""),
                               piece("driftscope: stopped by "), piece(process_stop_name(number)),
                               piece(stop.means), piece("\n")};
  if (stop.noted) atomic_store(stop.noted, number);
  if (stop.noted || writev(STDERR_FILENO, line, sizeof line / sizeof *line) > 0) raise(number);
  raise(number);
}

static void take_stops(void (*handler)(int)) {
  struct sigaction before,
      action = {.sa_handler = handler, .sa_flags = (int)SA_RESETHAND | SA_NODEFER};
  for (int i = 0; i < STOPS; i++)
    if (sigaction(stops[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
      sigaction(stops[i], &action, NULL);
}

void process_tell_stop(void) { take_stops(end_on_stop); }

void process_stop_silently(void) { take_stops(SIG_DFL); }

void process_stop_means(const char *text) { stop.means = text; }

void process_note_stop(atomic_int *number) { stop.noted = number; }
