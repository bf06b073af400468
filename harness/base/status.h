/* status: how a function says what went wrong.
 * What can fail returns bool and takes a Status *. The message is made where the facts are known
 * (file, place, what was expected, what was found), on one line; only main prints it and exits. The
 * first message wins. */
#ifndef DS_BASE_STATUS_H
#define DS_BASE_STATUS_H
#include <stdbool.h>

typedef struct Status {
  bool failed;
  bool check; /* no error of input: what was asked to be checked does not hold; main then exits with
                 1, not 2 */
  char text[2048]; /* one line, no newline at its end; empty while nothing failed */
} Status;

/* Records the first failure; later calls are ignored. Control characters and broken UTF-8 of quoted
 * input become '?'. */
void status_set(Status *st, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts a text in front of the failure that was recorded. */
void status_lead(Status *st, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define FAIL(st, ...) (status_set((st), __VA_ARGS__), false)
#define FAIL_CHECK(st, ...) ((st)->check |= !(st)->failed, FAIL((st), __VA_ARGS__))
#define TRY(call)                                                                                  \
  do {                                                                                             \
    if (!(call)) return false;                                                                     \
  } while (0)

#endif
