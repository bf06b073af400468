#include "report/figures.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

extern char **environ;

/* Okabe and Ito's colours, told apart in every kind of colour vision; dashes and marks tell them apart in print. */
static const char preamble[] =
    "set datafile missing 'NaN'\n"
    "set key outside right top vertical spacing 1.3 noenhanced\n"
    "set grid lc rgb '#dddddd' lw 0.5\n"
    "set border 3 lc rgb '#555555'\n"
    "set tics nomirror noenhanced\n"
    "set xlabel noenhanced\nset ylabel noenhanced\nset cblabel noenhanced\nset title noenhanced\n"
    "set linetype 1 lc rgb '#0072B2' lw 1.8 dt 1 pt 7 ps 0.6\n"
    "set linetype 2 lc rgb '#D55E00' lw 1.8 dt 2 pt 5 ps 0.6\n"
    "set linetype 3 lc rgb '#009E73' lw 1.8 dt 4 pt 9 ps 0.7\n"
    "set linetype 4 lc rgb '#CC79A7' lw 1.8 dt 5 pt 13 ps 0.8\n"
    "set linetype 5 lc rgb '#E69F00' lw 1.8 dt 1 pt 6 ps 0.6\n"
    "set linetype 6 lc rgb '#56B4E9' lw 1.8 dt 2 pt 4 ps 0.6\n"
    "set linetype 7 lc rgb '#000000' lw 1.8 dt 4 pt 8 ps 0.7\n"
    "set linetype 8 lc rgb '#999999' lw 1.8 dt 5 pt 12 ps 0.8\n"
    "set linetype 9 lc rgb '#882255' lw 1.8 dt 3 pt 1 ps 0.6\n"
    "set linetype cycle 9\n"
    "set palette defined (0 '#fde725', 0.25 '#5ec962', 0.5 '#21918c', 0.75 '#3b528b', 1 '#440154')\n";

static bool on_path(const char *program) {
  const char *path = getenv("PATH");
  char candidate[4096];
  while (path && *path) {
    size_t length = strcspn(path, ":");
    snprintf(candidate, sizeof candidate, "%.*s/%s", (int)length, path, program);
    if (access(candidate, X_OK) == 0) return true;
    path += length + (path[length] == ':');
  }
  return false;
}

bool figures_open(Figures *figures, const char *folder, Status *st) {
  *figures = (Figures){.folder = folder};
  if (!on_path("gnuplot")) return true;
  figures->script = open_memstream(&figures->text, &figures->size);
  if (!figures->script) return FAIL(st, "%s: no memory for the figures", folder);
  return true;
}

bool figure_begin(Figures *figures, FILE *out, const char *name, const char *caption, const char *table, int height) {
  if (!figures || !figures->script) return false;
  fprintf(out, "![%s](plots/%s.svg \"tables/%s.csv\")\n\n", caption, name, table);
  fprintf(figures->script,
          "\nreset session\n%sset terminal svg size 900,%d noenhanced font 'Helvetica,Noto Sans CJK SC,14' background "
          "'#ffffff'\n",
          preamble, height);
  fprintf(figures->script, "set output '%s.svg'\n", name);
  figures->count++;
  return true;
}

const char *figure_text(Arena *arena, const char *text) {
  char *result = arena_alloc(arena, 2 * strlen(text) + 3, 1), *to = result;
  *to++ = '\'';
  for (; *text; text++) {
    if ((unsigned char)*text < 32 || *text == 127) continue;
    if (*text == '\'') *to++ = '\'';
    *to++ = *text;
  }
  *to = '\'';
  return result;
}

void figure_value(const Figures *figures, double value, bool logarithmic) {
  if (!isfinite(value) || (logarithmic && value <= 0))
    fputs(" NaN", figures->script);
  else
    fprintf(figures->script, " %.9g", value);
}

const char *figure_name(Arena *arena, const char *kind, const char *a, const char *b) {
  char *name = arena_printf(arena, "%s_%.32s%s%.32s", kind, a, *b ? "_vs_" : "", b);
  for (char *c = name; *c; c++)
    if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", *c)) *c = '_';
  return name;
}

/* gnuplot without a shell: the program, -d (no file of the user is read), the script. Its words are dropped. */
static bool run_gnuplot(const char *folder, Status *st) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, folder);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  char program[] = "gnuplot", no_defaults[] = "-d", script[] = "figures.gp";
  char *const argv[] = {program, no_defaults, script, NULL};
  pid_t child;
  int error = posix_spawnp(&child, "gnuplot", &actions, NULL, argv, environ), status = 0;
  posix_spawn_file_actions_destroy(&actions);
  if (error) return FAIL(st, "gnuplot: cannot be started: %s", strerror(error));
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
  return FAIL(st, "%s/figures.gp: gnuplot failed (status %d)", folder, status);
}

bool figures_finish(Figures *figures, Status *st) {
  if (!figures->script) return true;
  bool whole = !ferror(figures->script);
  whole = fclose(figures->script) == 0 && whole;
  figures->script = NULL;
  bool done = whole || FAIL(st, "%s: no memory for the figures", figures->folder);
  if (done && figures->count) {
    char path[4096];
    snprintf(path, sizeof path, "%s/figures.gp", figures->folder);
    done = file_make_folder(figures->folder, st) && file_write(path, figures->text, figures->size, false, st) &&
           run_gnuplot(figures->folder, st);
  }
  free(figures->text);
  return done;
}
