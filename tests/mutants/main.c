/* mutants PROGRAM SEEDS FOLDER FIRST COUNT: what a user sees of the program's commands over mutants
 * FIRST … FIRST + COUNT - 1 of a results file, and of a file of vectors, both made in SEEDS where
 * they are not there. Prints a line a command: how they ended, deaths of the reading child apart,
 * the slowest, the largest; then how many mutants HDF5 could not write. What must not be (a signal,
 * over 60 s, over 2 GiB, more than a line of an error) is named, and its mutant kept in FOLDER/bad;
 * then the exit status is 1. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mutants.h"
#include "store/store.h"

enum { SECONDS_MOST = 60, MEBIBYTES_MOST = 2048, ERROR_TEXT = 4096, ARGUMENTS_MOST = 8 };

typedef struct Run {
  int status; /* of waitpid */
  double time_s;
  long peak_kib;
  char error[ERROR_TEXT]; /* what it said to standard error */
} Run;

typedef struct Command {
  const char *name;
  const char *argument[ARGUMENTS_MOST]; /* behind the program; ends with NULL */
  long runs, done, checks, refused, deaths, bad;
  double slowest_s;
  long peak_kib;
} Command;

/* HDF5 may fail over what it is asked to write as over what it reads. And the peak that a program
 * is counted with begins with its parent's own: of this process it must stay small. False: there is
 * no such mutant. */
static bool write_apart(const Seed *seed, MutantKind kind, unsigned long n, const char *path,
                        char *says) {
  const struct rlimit memory = {(rlim_t)1 << 31, (rlim_t)1 << 31}, time = {20, 20}, core = {0};
  int status = -1;
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    setrlimit(RLIMIT_AS, &memory), setrlimit(RLIMIT_CPU, &time), setrlimit(RLIMIT_CORE, &core);
    _exit(mutant_write(seed, kind, n, path, says) ? 0 : 1);
  }
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  return child > 0 && status == 0;
}

static double now_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* With no gnuplot to be found: most of a report's time is the figures'. */
static Run run(const char *program, const Command *command, const char *folder) {
  char *argv[ARGUMENTS_MOST + 1] = {(char *)program}, error[512], path[512];
  char threads[] = "OMP_NUM_THREADS=1", waiting[] = "OMP_WAIT_POLICY=passive";
  char *const environment[] = {path, threads, waiting, NULL};
  for (int i = 0; command->argument[i]; i++) argv[i + 1] = (char *)command->argument[i];
  snprintf(error, sizeof error, "%s/error", folder);
  snprintf(path, sizeof path, "PATH=%s", folder);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&files, 2, error, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  Run r = {.status = -1};
  pid_t pid;
  struct rusage used;
  const double start = now_s();
  if (posix_spawn(&pid, program, &files, NULL, argv, environment) != 0) {
    fprintf(stderr, "%s: cannot be started\n", program);
    exit(2);
  }
  posix_spawn_file_actions_destroy(&files);
  for (;;) {
    const pid_t ended = wait4(pid, &r.status, WNOHANG, &used);
    r.time_s = now_s() - start;
    if (ended == pid) break;
    if (r.time_s > SECONDS_MOST) kill(pid, SIGKILL);
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
  r.peak_kib = used.ru_maxrss;
  FILE *said = fopen(error, "rb");
  if (said) {
    r.error[fread(r.error, 1, sizeof r.error - 1, said)] = 0;
    fclose(said);
  }
  return r;
}

/* NULL where all is as it should be. */
static const char *fault_of(const Run *r) {
  if (WIFSIGNALED(r->status)) return r->time_s > SECONDS_MOST ? "over 60 s" : "a signal";
  const int status = WEXITSTATUS(r->status);
  const char *end = strchr(r->error, '\n');
  if (status > 2) return "an exit status that is none of ours";
  if (r->peak_kib > MEBIBYTES_MOST * 1024L) return "over 2 GiB";
  if (strstr(r->error, "runtime error") || strstr(r->error, "Sanitizer")) return "a sanitizer";
  return status == 2 && (!end || end[1]) ? "not one line of an error" : NULL;
}

static void keep_bad(const char *folder, const char *mutant, const char *name) {
  char to[512], command[1200];
  snprintf(to, sizeof to, "%s/bad", folder);
  mkdir(to, 0700);
  snprintf(command, sizeof command, "/bin/cp '%s' '%s/%s.h5'", mutant, to, name);
  if (system(command) != 0) fprintf(stderr, "%s: cannot be kept\n", mutant);
}

static void count(Command *c, const Run *r, const char *folder, const char *mutant,
                  const char *name, const char *says) {
  const char *fault = fault_of(r);
  const int status = WIFEXITED(r->status) ? WEXITSTATUS(r->status) : -1;
  c->runs++;
  c->done += status == 0;
  c->checks += status == 1;
  c->refused += status == 2;
  c->deaths += strstr(r->error, "signal") || strstr(r->error, "processor time");
  if (r->time_s > c->slowest_s) c->slowest_s = r->time_s;
  if (r->peak_kib > c->peak_kib) c->peak_kib = r->peak_kib;
  if (!fault) return;
  c->bad++;
  printf("BAD %s: %s: %s (%s): %.200s\n", c->name, name, fault, says, r->error);
  keep_bad(folder, mutant, name);
}

static void print_line(const Command *c) {
  printf("%-12s %7ld %7ld %7ld %7ld %7ld %5ld %9.2f %8ld\n", c->name, c->runs, c->done, c->checks,
         c->refused, c->deaths, c->bad, c->slowest_s, c->peak_kib / 1024);
}

int main(int argc, char **argv) {
  static Seed results, vectors;
  static char mutant[512], out[512], seed[512], seed_vectors[512];
  if (argc != 6) return fprintf(stderr, "usage: mutants PROGRAM SEEDS FOLDER FIRST COUNT\n"), 2;
  const char *program = argv[1], *folder = argv[3];
  const unsigned long first = strtoul(argv[4], NULL, 10), mutants = strtoul(argv[5], NULL, 10);
  snprintf(seed, sizeof seed, "%s/results.h5", argv[2]);
  snprintf(seed_vectors, sizeof seed_vectors, "%s/vectors.h5", argv[2]);
  snprintf(mutant, sizeof mutant, "%s/m.h5", folder);
  snprintf(out, sizeof out, "%s/out", folder);
  store_start();
  seeds_make(program, argv[2]);
  if (!seed_read(seed, &results) || !seed_read(seed_vectors, &vectors))
    return fprintf(stderr, "%s: no seeds, or none whose metadata has checksums\n", argv[2]), 2;
  mkdir(folder, 0700), mkdir(out, 0700);
  Command commands[] = {{.name = "report", .argument = {"report", mutant, "-o", out}},
                        {.name = "report M S", .argument = {"report", mutant, seed}},
                        {.name = "report S M", .argument = {"report", seed, mutant}},
                        {.name = "verify", .argument = {"verify", mutant}},
                        {.name = "conv1d", .argument = {"micro", "conv1d", "--vectors", mutant}},
                        {.name = "scan", .argument = {"micro", "scan", "--vectors", mutant}}};
  char *says = mmap(NULL, MUTANT_SAYS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (says == MAP_FAILED) return fprintf(stderr, "no memory\n"), 2;
  long bad = 0, unwritten = 0;
  for (unsigned long n = first; n < first + mutants; n++) {
    char name[64];
    const bool of_vectors = n % 8 == 7;
    MutantKind kind = (MutantKind)(n / 8 % MUTANT_KINDS);
    if (of_vectors && kind == MUTANT_CELLS) kind = MUTANT_BYTES; /* it has no tables */
    snprintf(name, sizeof name, "%s_%lu%s", mutant_kind_names[kind], n,
             of_vectors ? "_vectors" : "");
    if (!write_apart(of_vectors ? &vectors : &results, kind, n, mutant, says)) {
      unwritten++;
      continue;
    }
    static const int of_results[] = {0, 1, 3, -1}, turned[] = {0, 2, 3, -1}, conv[] = {4, -1},
                     scan[] = {5, -1};
    const int *which = of_vectors ? n & 8 ? conv : scan : n & 1 ? of_results : turned;
    for (; *which >= 0; which++) {
      const Run r = run(program, &commands[*which], folder);
      count(&commands[*which], &r, folder, mutant, name, says);
    }
  }
  printf("%-12s %7s %7s %7s %7s %7s %5s %9s %8s\n", "command", "runs", "exit 0", "exit 1", "exit 2",
         "deaths", "bad", "slowest s", "peak MiB");
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
    print_line(&commands[i]), bad += commands[i].bad;
  printf("unwritten %ld\n", unwritten);
  return bad ? 1 : 0;
}
