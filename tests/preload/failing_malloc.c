/* failing_malloc: preloaded, it lets one allocation of the program fail, or that one and all that
 * follow, whoever of its libraries asks. FAILING_AT: which, from 1, counted from the start of main
 * (the first fcntl); FAILING_ON: and all that follow; FAILING_COUNT: a file that is told how many
 * there were. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t),
    *__libc_memalign(size_t, size_t);

static atomic_bool begun;
static atomic_long count;
static long at;
static int on;

int fcntl(int fd, int command, ...) {
  va_list args;
  va_start(args, command);
  const long argument = va_arg(args, long);
  va_end(args);
  if (!atomic_exchange(&begun, 1)) {
    const char *first = getenv("FAILING_AT");
    at = first ? atol(first) : 0;
    on = getenv("FAILING_ON") != NULL;
  }
  return (int)syscall(SYS_fcntl, fd, command, argument);
}

__attribute__((destructor)) static void tell(void) {
  const char *path = getenv("FAILING_COUNT");
  char text[32];
  if (!path) return;
  const int length = snprintf(text, sizeof text, "%ld\n", atomic_load(&count)),
            file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (write(file, text, (size_t)length) == length) close(file);
}

static int fails(void) {
  if (!begun) return 0;
  const long n = atomic_fetch_add(&count, 1) + 1;
  const int met = at && (n == at || (on && n > at));
  if (met) errno = ENOMEM;
  return met;
}

void *malloc(size_t size) { return fails() ? NULL : __libc_malloc(size); }
void *calloc(size_t n, size_t size) { return fails() ? NULL : __libc_calloc(n, size); }
void *realloc(void *p, size_t size) { return fails() ? NULL : __libc_realloc(p, size); }
void *aligned_alloc(size_t to, size_t size) { return fails() ? NULL : __libc_memalign(to, size); }
int posix_memalign(void **p, size_t to, size_t size) {
  void *got = fails() ? NULL : __libc_memalign(to, size);
  if (got) *p = got;
  return got ? 0 : ENOMEM;
}
