/* main: the command line's start and end; the only place that prints errors and exits.
 * Exit status: 0 done, 1 a check or a gate failed, 2 usage or input error. */
#include <errno.h>
#include <gsl/gsl_errno.h>
#include <jansson.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/child.h"
#include "base/process.h"
#include "base/ranks.h"
#include "command/command.h"
#include "experiment/provenance.h"
#include "kernels/level.h"
#include "store/store.h"

enum { EXIT_CHECK = 1, EXIT_INPUT = 2 };

static void print_commands(FILE *out) {
  fprintf(out, "Usage: driftscope COMMAND [OPTION...] [ARGUMENT...]\n"
               "Where do two precision modes of a Mamba model differ, how does it travel, and does "
               "it matter?\n\n");
  for (int i = 0; i < command_count; i++) {
    const char *arguments = commands[i].usage.arguments;
    const int more = strstr(arguments, "…") ? (int)sizeof "…" - 2 : 0; /* bytes than columns */
    fprintf(out, "  %-10s %-*s %s\n", commands[i].usage.name, 28 + more, arguments,
            commands[i].summary);
  }
  fprintf(out, "\n'driftscope COMMAND --help' shows a command's options, defaults and examples.\n"
               "Exit status: 0 done, 1 a check or a gate failed, 2 usage or input error.\n");
}

/* Called in the middle of anything, by several threads perhaps: finished layers are on disk, so
 * leaving at once loses nothing. */
static void leave_for_memory(const char *why) {
  static atomic_flag said = ATOMIC_FLAG_INIT;
  while (atomic_flag_test_and_set(&said)) pause(); /* another thread is leaving */
  fprintf(stderr, "driftscope: memory: %s\n", why);
  _exit(EXIT_INPUT);
}

static void memory_exhausted(size_t wanted, size_t reserved) {
  char why[128];
  snprintf(why, sizeof why, "%zu more bytes are wanted and the %zu reserved are used up", wanted,
           reserved);
  leave_for_memory(why);
}

/* Jansson's: without memory it leaves out letters of names, or members of objects. */
static void *memory_for_json(size_t bytes) {
  void *memory = malloc(bytes);
  if (!memory) {
    char why[64];
    snprintf(why, sizeof why, "%zu more bytes cannot be had", bytes);
    leave_for_memory(why);
  }
  return memory;
}

/* As a shell would take it again: in single quotes where it must be, a single quote in it as
 * '\''. */
static const char *quoted(Arena *arena, const char *text) {
  if (*text && !strpbrk(text, " \t\n'\"\\$`*?[]{}()<>|&;#~!")) return text;
  const char *result = "'";
  for (; *text; text++)
    result = arena_printf(arena, *text == '\'' ? "%s'\\''" : "%s%c", result, *text);
  return arena_printf(arena, "%s'", result);
}

static const char *as_typed(Arena *arena, int argc, char **argv) {
  const char *typed = "driftscope";
  for (int i = 1; i < argc; i++)
    typed = arena_printf(arena, "%s %s", typed, quoted(arena, argv[i]));
  return typed;
}

static const Command *find_command(const char *name) {
  for (int i = 0; i < command_count; i++)
    if (!strcmp(commands[i].usage.name, name)) return &commands[i];
  return NULL;
}

/* DRIFTSCOPE_LEVEL: another instruction level than the highest. The bits are the same: it shows
 * that, and times a lesser processor on this one. */
static bool choose_level(Status *st) {
  const char *name = getenv("DRIFTSCOPE_LEVEL");
  if (!name || !*name || level_choose(name)) return true;
  char here[128] = "";
  for (int i = 0, n = 0; level_name(i); i++)
    n += snprintf(here + n, sizeof here - (size_t)n, "%s%s", i ? ", " : "", level_name(i));
  return FAIL(st, "DRIFTSCOPE_LEVEL: '%.40s' is no level of this processor, which has %s", name,
              here);
}

static bool check_failed;

static int fail(const Status *st) {
  fprintf(stderr, "driftscope: %s\n", st->text);
  check_failed = st->check;
  return st->check ? EXIT_CHECK : EXIT_INPUT;
}

/* At exit, also where argp prints its help and leaves: what was printed must have arrived. A
 * library that leaves by itself, as OpenMP's does where it gets no thread, says 1, and is no failed
 * check. */
static void end(int status, void *unused) {
  (void)unused;
  bool failed = ferror(stdout) != 0;
  errno = 0;
  failed |= fclose(stdout) != 0;
  if (status == EXIT_CHECK && !check_failed) {
    fprintf(stderr, "driftscope: a library ended the program\n");
    _exit(EXIT_INPUT);
  }
  if (!failed) return;
  fprintf(stderr, "driftscope: standard output: cannot be written%s%s\n", errno ? ": " : "",
          errno ? strerror(errno) : "");
  _exit(EXIT_INPUT);
}

int main(int argc, char **argv) {
  process_fill_descriptors();
  process_restart(argv);
  on_exit(end, NULL);
  if (argc < 2) return print_commands(stderr), EXIT_INPUT;
  if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
    return print_commands(stdout), EXIT_SUCCESS;
  if (!strcmp(argv[1], "--version")) return puts(DRIFTSCOPE_VERSION), EXIT_SUCCESS;
  const Command *command = find_command(argv[1]);
  Status st = {0};
  if (!command) {
    status_set(&st, "'%.100s' is no command; 'driftscope --help' lists them", argv[1]);
    return fail(&st);
  }
  if (!choose_level(&st) || !process_have_stack(&st)) return fail(&st);
  process_end_on_bus_error(EXIT_INPUT);
  process_tell_stop();
  store_start();
  gsl_set_error_handler_off();
  json_set_alloc_funcs(memory_for_json, free);
  if (process_room() < SIZE_MAX)
    mallopt(M_ARENA_MAX, 1); /* glibc reserves 128 MB a thread where nothing is limited */
  Arena arena;
  if (!arena_reserve(&arena, 0, memory_exhausted, &st)) return fail(&st);
  const char *typed = as_typed(&arena, argc, argv);
  Options options = options_parse(&command->usage, argc - 1, argv + 1);
  const char *files[2];
  int foreign = command_foreign(command, &options, files);
  int status = foreign ? child_start(files, foreign, &st) : CHILD_HERE;
  if (status == CHILD_NONE) return fail(&st);
  if (status != CHILD_HERE) return check_failed = status == EXIT_CHECK, status;
  bool ok = ranks_start(&st) && command_spreads(command, &options, &st) &&
            command->run(&arena, &options, typed, &st);
  ok = ranks_end(ok, &st);
  status = ok ? EXIT_SUCCESS : ranks()->rank ? EXIT_INPUT : fail(&st);
  ranks_leave();
  return status;
}
