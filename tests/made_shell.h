/* made_shell: the program on the model of tests/made_model.h: how such a suite begins and ends. */
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
#endif
