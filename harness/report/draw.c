#include "report/draw.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/progress.h"
#include "report/language.h"

extern char **environ;

/* A page of figures takes a second, on a slow disk a few. */
enum { PATIENCE_S = 120, WORDS_MAX = 8192 };

bool draw_can(const char *program) {
  const char *path = getenv("PATH");
  char candidate[PATH_MAX];
  while (path && *path) {
    size_t length = strcspn(path, ":");
    snprintf(candidate, sizeof candidate, "%.*s/%s", (int)length, path, program);
    if (access(candidate, X_OK) == 0) return true;
    path += length + (path[length] == ':');
  }
  return false;
}

/* -d: no file of the user is read. 0 or errno. */
static int start(const char *folder, const char *script, int words, pid_t *child) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, folder);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, words, STDERR_FILENO);
  char program[] = "gnuplot", no_defaults[] = "-d", name[256];
  snprintf(name, sizeof name, "%s", script);
  char *const argv[] = {program, no_defaults, name, NULL};
  int error = posix_spawnp(child, "gnuplot", &actions, NULL, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

/* What it says until it ends; false where it has not ended in time. What does not fit is
 * dropped. */
static bool listen(int words, char text[WORDS_MAX]) {
  const double until = clock_s() + PATIENCE_S;
  size_t got = 0;
  char dropped[512] = {0};
  for (;;) {
    double left_s = until - clock_s();
    struct pollfd ready = {.fd = words, .events = POLLIN};
    int n = left_s > 0 ? poll(&ready, 1, (int)(1e3 * left_s) + 1) : 0;
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bool room = got < WORDS_MAX - 1;
    ssize_t read_now =
        read(words, room ? text + got : dropped, room ? WORDS_MAX - 1 - got : sizeof dropped);
    if (read_now < 0 && errno == EINTR) continue;
    if (read_now <= 0) return text[got] = 0, true;
    if (room) got += (size_t)read_now;
  }
}

/* gnuplot shows the line and its place in it, and ends with: "figures.gp" line 30: what is
 * wrong. */
static const char *last_words(Arena *arena, char *text) {
  char *last = NULL, *rest = NULL;
  for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
    while (*line == ' ' || *line == '\t') line++;
    if (*line) last = line;
  }
  if (!last) return NULL;
  char *place = strstr(last, " line "), *colon = place ? strstr(place, ": ") : NULL;
  return arena_printf(arena, "gnuplot: %.200s", colon ? colon + 2 : last);
}

const char *draw_script(Language l, Arena *arena, const char *folder, const char *script) {
  int ends[2], status = 0;
  pid_t child;
  char *text = arena_alloc(arena, WORDS_MAX, 1);
  if (pipe2(ends, O_CLOEXEC) != 0) return arena_printf(arena, "gnuplot: %s", strerror(errno));
  int error = start(folder, script, ends[1], &child);
  close(ends[1]);
  bool ended = error || listen(ends[0], text);
  close(ends[0]);
  if (error) return arena_printf(arena, say(l, "gnuplot cannot be started: %s"), strerror(error));
  if (!ended) kill(child, SIGKILL);
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  if (!ended) return arena_printf(arena, say(l, "gnuplot did not end within %d s"), PATIENCE_S);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
    return say(l, "gnuplot used up its processor time (ulimit -t)");
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
    return say(l, "gnuplot was killed, as the system does where memory runs out");
  if (WIFSIGNALED(status))
    return arena_printf(arena, say(l, "gnuplot was ended by signal %d"), WTERMSIG(status));
  if (WEXITSTATUS(status) == 0) return NULL;
  const char *words = last_words(arena, text);
  return words ? words
               : arena_printf(arena, say(l, "gnuplot ended with status %d"), WEXITSTATUS(status));
}

bool draw_whole(const char *path) {
  char tail[64] = {0};
  FILE *file = fopen(path, "re");
  if (!file) return false;
  bool whole = fseek(file, -20, SEEK_END) == 0 && fread(tail, 1, sizeof tail - 1, file) > 0 &&
               strstr(tail, "</svg>");
  fclose(file);
  return whole;
}
