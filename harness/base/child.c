#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <omp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"

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
  mallopt(M_ARENA_MAX, 1); /* else each thread reserves 128 MB of what is left */
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_CPU, seconds);
  if (reserved) limit(RLIMIT_AS, reserved + memory_bytes);
}

/* Whether the child that child_start made has read; seen by both. */
static volatile bool *has_read;
/* While it reads, what is written to standard error is kept back: libraries write a line of their
 * own before they end the process. -1: it is not. */
static int kept_words = -1, own_error = -1;

/* In a child of child_work: the file that it reads, "" where it reads none; seen by both. NULL: in
 * none, or it cannot be told. */
static char *read_now;
static bool pass_words(int words);

static void keep_words_back(void) {
  own_error = kept_words < 0 ? -1 : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  if (own_error >= 0) dup2(kept_words, STDERR_FILENO);
}

void child_has_read(void) {
  if (read_now) *read_now = 0;
  if (!has_read || *has_read) return;
  *has_read = true;
  if (own_error < 0) return;
  dup2(own_error, STDERR_FILENO);
  close(own_error);
  pass_words(kept_words);
}

void child_take_time(void) {
  struct rlimit now;
  if (getrlimit(RLIMIT_CPU, &now) != 0) return;
  now.rlim_cur = now.rlim_max;
  setrlimit(RLIMIT_CPU, &now);
}

/* In a child: it does not outlive its parent, and says nothing when somebody stops it. */
static void follow(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(2);
  process_stop_silently();
}

/* Of a process: what a signal says that is no fault of what it ran; NULL: nothing. */
static const char *limit_of(int signal) {
  switch (signal) {
    case SIGXCPU: return "used up its processor time (ulimit -t)";
    case SIGXFSZ: return "would have made a file larger than it may (ulimit -f)";
    case SIGKILL: return "was killed, as the system does where memory runs out";
    case SIGINT: return "was stopped by SIGINT";
    case SIGTERM: return "was stopped by SIGTERM";
    default: return NULL;
  }
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

static int ended(const char *const *files, int count, int signal, rlim_t seconds, Status *st) {
  const bool read = has_read && *has_read;
  if (signal == SIGXCPU)
    return lost(files, count, st, "is not %s after %llu s of processor time",
                read ? "looked through" : "read", (unsigned long long)seconds);
  if (limit_of(signal))
    return lost(files, count, st, "the process that reads it %s", limit_of(signal));
  return lost(files, count, st,
              read ? "driftscope failed on what it holds (signal %d)"
                   : "HDF5 failed to read it (signal %d)",
              signal);
}

/* Nothing is said without it but what is said of the reading. */
static void share_has_read(void) {
  void *page =
      mmap(NULL, sizeof *has_read, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (!has_read && page != MAP_FAILED) has_read = page;
  if (has_read) *has_read = false;
}

int child_start(const char *const *files, int count, Status *st) {
  rlim_t seconds = seconds_for(files, count);
  int status;
  share_has_read();
  kept_words = memfd_create("words", MFD_CLOEXEC);
  pid_t parent = getpid(), child = fork();
  if (child < 0) return lost(files, count, st, "no process to read it in: %s", strerror(errno));
  if (child == 0) {
    follow(parent);
    keep_words_back();
    set_limits(seconds);
    return CHILD_HERE;
  }
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return lost(files, count, st, "its reader is lost: %s", strerror(errno));
  const bool kept = WIFEXITED(status) && !(has_read && *has_read),
             heard = !kept || pass_words(kept_words);
  const int error = errno;
  if (kept_words >= 0) close(kept_words);
  if (!heard && WEXITSTATUS(status) != 0)
    return lost(files, count, st, "what its reader said of it cannot be read: %s", strerror(error));
  return WIFEXITED(status) ? WEXITSTATUS(status)
                           : ended(files, count, WTERMSIG(status), seconds, st);
}

/* --- work of our own -------------------------------------------------------------------------- */

enum { WORDS_MOST = 1 << 12 };

static bool is_apart; /* in a child of child_work */
static int threads_apart;

int child_threads(void) { return is_apart ? threads_apart : omp_get_max_threads(); }

void child_limit(const char *file) {
  static const int deaths[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
  if (!is_apart) return;
  for (size_t i = 0; i < sizeof deaths / sizeof *deaths; i++) signal(deaths[i], SIG_DFL);
  if (read_now) snprintf(read_now, PATH_MAX, "%s", file);
  set_limits(seconds_for(&file, 1));
}

static bool work_here(Arena *arena, const char *what, ChildWork work, void *context,
                      const char **text, size_t *count, Status *st) {
  char *room = NULL;
  size_t bytes = 0;
  FILE *out = open_memstream(&room, &bytes);
  if (!out) return FAIL(st, "%s: no memory for what is made of it", what);
  bool ok = work(out, context, st), whole = !ferror(out);
  whole = fclose(out) == 0 && whole;
  if (whole) *text = memcpy(arena_alloc(arena, bytes + 1, 1), room, bytes), *count = bytes;
  free(room);
  return ok && (whole || FAIL(st, "%s: no memory for what is made of it", what));
}

/* What was written, then how it ended. Nothing that stands in the parent's exit handlers is the
 * child's to do. */
static void work_there(int to, int words, char *reads, pid_t parent, ChildWork work,
                       void *context) {
  Status st = {0};
  threads_apart = child_threads();
  is_apart = true;
  read_now = reads;
  follow(parent);
  if (words >= 0) dup2(words, STDERR_FILENO);
  omp_set_num_threads(1); /* the threads of a team that stood before are its parent's */
  FILE *out = fdopen(to, "w");
  if (!out) _exit(2);
  bool ok = work(out, context, &st);
  st.failed |= !ok;
  if (fwrite(&st, sizeof st, 1, out) != 1 || fflush(out) != 0) _exit(2);
  _exit(0);
}

/* All that comes, and errno where reading fails; grows in the arena, where nothing else is taken
 * meanwhile. */
static char *take_all(Arena *arena, int from, size_t *count, int *error) {
  enum { PIECE = 1 << 16 };
  char *bytes = arena_room(arena, PIECE, 1);
  size_t room = PIECE;
  for (*count = 0;;) {
    ssize_t n = read(from, bytes + *count, room - *count);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return *error = n < 0 ? errno : 0, bytes;
    *count += (size_t)n;
    if (*count < room) continue;
    char *larger = arena_room(arena, 2 * room, 1);
    bytes = memcpy(larger, bytes, *count);
    room *= 2;
  }
}

/* The last line of what the child wrote to standard error. */
static const char *last_words(int words, char text[WORDS_MOST]) {
  struct stat info = {0};
  if (words < 0 || fstat(words, &info) != 0) return "";
  const off_t from = info.st_size < WORDS_MOST ? 0 : info.st_size - WORDS_MOST + 1;
  ssize_t n = pread(words, text, WORDS_MOST - 1, from);
  while (n > 0 && text[n - 1] == '\n') n--;
  text[n > 0 ? n : 0] = 0;
  const char *line = strrchr(text, '\n');
  return line ? line + 1 : text;
}

/* `reads`: the file that it was reading; "": none. */
static bool died(const char *what, const char *reads, int status, int words, Status *st) {
  static const char own[] = "driftscope: ";
  char text[WORDS_MOST];
  const char *line = last_words(words, text), *colon = *line ? ": " : "";
  const bool knew_why = !strncmp(line, own, strlen(own));
  if (WIFEXITED(status) && knew_why) return FAIL(st, "%s", line + strlen(own));
  if (!WIFEXITED(status) && *reads && WTERMSIG(status) == SIGXCPU)
    return ended(&reads, 1, SIGXCPU, seconds_for(&reads, 1), st) != CHILD_NONE;
  if (!WIFEXITED(status) && limit_of(WTERMSIG(status)))
    return FAIL(st, "%s: the process that %s it %s", *reads ? reads : what,
                *reads ? "reads" : "makes", limit_of(WTERMSIG(status)));
  if (*reads && WIFEXITED(status))
    return FAIL(st, "%s: HDF5 failed to read it (status %d)%s%s", reads, WEXITSTATUS(status), colon,
                line);
  if (*reads)
    return FAIL(st, "%s: HDF5 failed to read it (signal %d)%s%s", reads, WTERMSIG(status), colon,
                line);
  if (WIFEXITED(status))
    return FAIL(st, "%s: the process that makes it ended%s (status %d)%s%s", what,
                *line ? "" : " without a word", WEXITSTATUS(status), colon, line);
  return FAIL(st, "%s: a library failed (signal %d)%s%s", what, WTERMSIG(status), colon, line);
}

/* What it said though all went well is said here; false with errno where it cannot be read. */
static bool pass_words(int words) {
  char text[WORDS_MOST];
  ssize_t n = words < 0 ? 0 : pread(words, text, sizeof text, 0);
  if (n > 0) fwrite(text, 1, (size_t)n, stderr);
  return n >= 0;
}

ChildBegun child_begin(ChildWork work, void *context) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return (ChildBegun){.from = -1, .words = -1, .child = -1};
  void *page = mmap(NULL, PATH_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ChildBegun begun = {.from = ends[0],
                      .words = memfd_create("words", MFD_CLOEXEC),
                      .reads = page == MAP_FAILED ? NULL : page};
  fflush(NULL);
  pid_t parent = getpid();
  begun.child = fork();
  if (begun.child == 0) {
    close(ends[0]); /* else it would wait for itself to read, where its parent no longer does */
    work_there(ends[1], begun.words, begun.reads, parent, work, context);
  }
  close(ends[1]);
  return begun;
}

/* Of what it began with, all but the end that it writes to. */
static void let_go(ChildBegun begun) {
  if (begun.reads) munmap(begun.reads, PATH_MAX);
  if (begun.words >= 0) close(begun.words);
}

bool child_end(Arena *arena, const char *what, ChildWork work, void *context, ChildBegun begun,
               const char **text, size_t *count, Status *st) {
  int status = 0, error = 0;
  size_t got = 0;
  *text = "", *count = 0;
  char *bytes = begun.child > 0 ? take_all(arena, begun.from, &got, &error) : NULL;
  if (begun.from >= 0) close(begun.from);
  if (error) kill(begun.child, SIGKILL); /* another child may hold that end, and it wait for it */
  while (begun.child > 0 && waitpid(begun.child, &status, 0) < 0 && errno == EINTR) {}
  bool whole = begun.child > 0 && status == 0 && !error && got >= sizeof *st, ok = false;
  if (whole) {
    Status made;
    *text = bytes, *count = got - sizeof made;
    memcpy(&made, bytes + *count, sizeof made);
    bytes[*count] = 0;
    ok = !made.failed;
    if (ok) pass_words(begun.words); /* else the error says it */
    if (!ok && !st->failed) *st = made;
  } else if (begun.child > 0 && error) {
    status_set(st, "%s: the process that makes it cannot be heard: %s", what, strerror(error));
  } else if (begun.child > 0) {
    died(what, begun.reads ? begun.reads : "", status, begun.words, st);
  }
  let_go(begun);
  return begun.child > 0 ? ok : work_here(arena, what, work, context, text, count, st);
}

void child_leave(ChildBegun begun) {
  if (begun.from >= 0) close(begun.from);
  if (begun.child > 0) kill(begun.child, SIGKILL);
  while (begun.child > 0 && waitpid(begun.child, NULL, 0) < 0 && errno == EINTR) {}
  let_go(begun);
}

bool child_work(Arena *arena, const char *what, ChildWork work, void *context, const char **text,
                size_t *count, Status *st) {
  return child_end(arena, what, work, context, child_begin(work, context), text, count, st);
}
