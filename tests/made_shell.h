/* made_shell: the program on the model of tests/made_model.h: how such a suite begins and ends,
 * and command lines with the exit status that they must have and the words that they must say. */
#ifndef DS_TESTS_MADE_SHELL_H
#define DS_TESTS_MADE_SHELL_H
#include "tests/made_model.h"
#include "tests/shell.h"

static inline void made_shell_begin(void) {
  test_files_begin();
  shell_begin();
}

static inline void made_shell_end(void) {
  shell_end();
  test_files_end();
}

static inline void write_string(const char *name, const char *text) {
  test_write(name, text, strlen(text));
}

#define RUN(want, ...)                                                                             \
  do {                                                                                             \
    char line[1024];                                                                               \
    snprintf(line, sizeof line, __VA_ARGS__);                                                      \
    const int status = shell("%s %s 2>&1", shell_program(), line);                                 \
    cr_assert_eq(status, want, "%s: exit status %d: %s", line, status, shell_output);              \
  } while (0)
#define SAYS(text) cr_expect(strstr(shell_output, text), "lacks \"%s\": %s", text, shell_output)
#endif
