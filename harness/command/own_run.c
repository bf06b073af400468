#include "command/own_run.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/progress.h"

extern char **environ;

enum { WORDS_MOST = 1 << 16 };

const char *own_temporary(void) {
  const char *said = getenv("TMPDIR");
  return said && *said ? said : "/tmp";
}

bool own_folder(Arena *arena, const char *in, const char **folder, Status *st) {
  char *name = arena_printf(arena, "%s/driftscope-bench-XXXXXX", in ? in : own_temporary());
  if (!mkdtemp(name)) return FAIL(st, "%s: cannot be made: %s", name, strerror(errno));
  *folder = name;
  return true;
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *where) {
  (void)about, (void)kind, (void)where;
  return remove(path);
}

void own_folder_remove(const char *folder) {
  if (folder) nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int process_words(char *const argv[], int from, char *words, size_t room, struct rusage *used) {
  int ends[2], status = -1;
  pid_t child;
  size_t got = 0;
  struct rusage own;
  posix_spawn_file_actions_t actions;
  if (pipe2(ends, O_CLOEXEC) != 0) return -1;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, from == STDERR_FILENO ? STDOUT_FILENO : STDERR_FILENO,
                                   "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], from);
  int error = posix_spawnp(&child, argv[0], &actions, NULL, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  for (ssize_t n = 1; !error && n > 0; got += n > 0 ? (size_t)n : 0) {
    n = read(ends[0], words + got, room - 1 - got);
    if (n < 0 && errno == EINTR) n = 1, got--;
  }
  words[got] = 0;
  close(ends[0]);
  while (!error && wait4(child, &status, 0, used ? used : &own) < 0 && errno == EINTR) continue;
  return error ? -1 : status;
}

static const char *last_line(char *words) {
  size_t length = strlen(words);
  while (length && words[length - 1] == '\n') words[--length] = 0;
  char *line = strrchr(words, '\n');
  return line ? line + 1 : words;
}

static double seconds_of(struct timeval t) { return (double)t.tv_sec + 1e-6 * (double)t.tv_usec; }

bool own_run(const char *spec, const char *out, OwnRun *run, Status *st) {
  static char words[WORDS_MOST];
  char program[] = "/proc/self/exe";
  char *argv[] = {program,     (char[]){"run"},     (char *)spec, (char[]){"-o"},
                  (char *)out, (char[]){"--fresh"}, NULL};
  struct rusage used;
  const double started_s = clock_s();
  const int status = process_words(argv, STDERR_FILENO, words, sizeof words, &used);
  *run = (OwnRun){.wall_s = clock_s() - started_s};
  if (status != 0) return FAIL(st, "bench: run failed: %.300s", last_line(words));
  run->processor_s = seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
  run->peak_bytes = 1024.0 * (double)used.ru_maxrss;
  return true;
}
