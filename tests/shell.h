/* shell: what the tests of the program as a user runs it share: a folder of their own, command
 * lines and what they printed. The program is what DRIFTSCOPE names, or the one beside the tests.
 */
#ifndef DS_TESTS_SHELL_H
#define DS_TESTS_SHELL_H
#include <criterion/criterion.h>
#include <ftw.h>
#include <glob.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/folder.h"

static char shell_folder[FOLDER_NAME], shell_output[1 << 16];

/* What was built beside the tests. Valid until the next call with another name. */
static inline const char *shell_beside(const char *name) {
  static char path[4096];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  cr_assert(length > 0);
  path[length] = 0;
  char *file = strrchr(path, '/') + 1;
  cr_assert(file + strlen(name) < path + sizeof path);
  strcpy(file, name);
  return path;
}

static inline const char *shell_program(void) {
  static char path[4096];
  const char *named = getenv("DRIFTSCOPE");
  if (named) return named;
  return *path ? path : strcpy(path, shell_beside("driftscope"));
}

/* A command line's beginning that sets $P: DRIFTSCOPE_PYTHON, or Debian's python3, which has the
 * readers (another may stand before it), or any. */
#define SHELL_PYTHON                                                                               \
  "P=${DRIFTSCOPE_PYTHON:-/usr/bin/python3}; "                                                     \
  "$P -c 'from importlib.util import find_spec as f; exit(not f(\"h5py\"))' 2>/dev/null || "       \
  "P=${DRIFTSCOPE_PYTHON:-python3}; "

static inline int shell_remove(const char *path, const struct stat *info, int type,
                               struct FTW *ftw) {
  (void)info, (void)type, (void)ftw;
  return remove(path);
}

static inline void shell_begin(void) { folder_make(shell_folder); }

static inline void shell_end(void) { nftw(shell_folder, shell_remove, 16, FTW_DEPTH | FTW_PHYS); }

/* Runs a command line; its standard output goes to shell_output. 128 + n where signal n ended
 * it. */
static inline int shell(const char *format, ...) {
  char line[4096];
  va_list args;
  va_start(args, format);
  cr_assert_lt(vsnprintf(line, sizeof line, format, args), (int)sizeof line);
  va_end(args);
  FILE *pipe = popen(line, "r");
  cr_assert(pipe);
  size_t got = fread(shell_output, 1, sizeof shell_output - 1, pipe);
  shell_output[got] = 0;
  while (fgetc(pipe) != EOF) {}
  int status = pclose(pipe);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* `driftscope run SPEC -q -o OUT` in the background; what it prints goes to `said`. */
static inline pid_t shell_run(const char *spec, const char *out, const char *said) {
  pid_t child = fork();
  cr_assert(child >= 0);
  if (child) return child;
  if (!freopen(said, "w", stdout) || !freopen(said, "a", stderr)) _exit(126);
  execl(shell_program(), shell_program(), "run", spec, "-q", "-o", out, (char *)NULL);
  _exit(127);
}

/* Finished layers of an unfinished run; counted here, since a layer takes no longer than to start
 * `ls`. */
static inline int shell_layers(const char *out) {
  char pattern[160];
  glob_t found;
  snprintf(pattern, sizeof pattern, "%s/results.h5.parts/*layer_*.entry", out);
  const int count = glob(pattern, 0, NULL, &found) == 0 ? (int)found.gl_pathc : 0;
  globfree(&found);
  return count;
}

/* Until so many layers stand; false where the program has ended, and been waited for, before. */
static inline bool shell_wait_for(pid_t child, const char *out, int layers) {
  for (;;) {
    int status;
    if (waitpid(child, &status, WNOHANG) == child) return false;
    if (shell_layers(out) >= layers) return true;
    usleep(1000);
  }
}

/* Before the program in a command line: no gnuplot is found, where nobody looks at figures. They
 * take as long as the rest of a small run. */
#define NO_FIGURES "PATH= "

/* A command line of the program, and the exit status that it must have; and the words that it must
 * have printed. */
#define RUN(want, ...)                                                                             \
  do {                                                                                             \
    char line[1024];                                                                               \
    snprintf(line, sizeof line, __VA_ARGS__);                                                      \
    const int status = shell(NO_FIGURES "%s %s 2>&1", shell_program(), line);                      \
    cr_assert_eq(status, want, "%s: exit status %d: %s", line, status, shell_output);              \
  } while (0)
#define SAYS(...) shell_expect((const char *const[]){__VA_ARGS__, NULL})
static inline void shell_expect(const char *const *words) {
  for (; *words; words++)
    cr_expect(strstr(shell_output, *words), "lacks \"%s\": %s", *words, shell_output);
}
#endif
