#include "command/job.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/timing.h"
#include "command/floors.h"

extern char **environ;

enum {
  ROUNDS = 3,
  TOKENS = 4096,
  OFFSET = 1000,
  PARTS_MAX = 16,
  WORDS_MAX = 1 << 16,
  COPY = 1 << 28
};
static const char *const peer_script = "experiments/peer_transformers.py";

/* A part, and its seconds in each round. */
typedef struct Part {
  char name[32];
  double second[ROUNDS];
} Part;

typedef struct Parts {
  Part part[PARTS_MAX];
  int count, rounds;
} Parts;

typedef struct Job {
  const char *folder, *model, *ids, *spec, *out, *peer_out, *python;
  const SynthShape *shape;
  int T;
} Job;

const char *job_temporary(void) {
  const char *said = getenv("TMPDIR");
  return said && *said ? said : "/tmp";
}

/* --- processes -------------------------------------------------------------------------------- */

/* What `argv` says on descriptor `from` until it ends, in `words`; how it ended, -1 where it could
 * not be started. What it says on the other one of output and error is dropped, or joins it. */
static int run_process(char *const argv[], int from, char words[WORDS_MAX]) {
  int ends[2], status = -1;
  pid_t child;
  size_t got = 0;
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
    n = read(ends[0], words + got, WORDS_MAX - 1 - got);
    if (n < 0 && errno == EINTR) n = 1, got--;
  }
  words[got] = 0;
  close(ends[0]);
  while (!error && waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return error ? -1 : status;
}

static void add_part(Parts *parts, int round, const char *name, size_t length, double seconds) {
  int i = 0;
  while (i < parts->count &&
         (strlen(parts->part[i].name) != length || strncmp(parts->part[i].name, name, length) != 0))
    i++;
  if (i == PARTS_MAX) return;
  if (i == parts->count) {
    parts->part[parts->count++] = (Part){{0}, {0}};
    snprintf(parts->part[i].name, sizeof parts->part[i].name, "%.*s", (int)length, name);
  }
  parts->part[i].second[round] += seconds;
}

/* --- the two sides ---------------------------------------------------------------------------- */

static const char *last_line(char *words) {
  size_t length = strlen(words);
  while (length && words[length - 1] == '\n') words[--length] = 0;
  char *line = strrchr(words, '\n');
  return line ? line + 1 : words;
}

/* Phases of the program, as it prints them: "load   …   0.01 s". */
static bool run_own(const Job *job, int round, Parts *parts, Status *st) {
  static char words[WORDS_MAX];
  char program[] = "/proc/self/exe";
  char *argv[] = {program,
                  (char[]){"run"},
                  (char *)job->spec,
                  (char[]){"-o"},
                  (char *)job->out,
                  (char[]){"--fresh"},
                  NULL};
  double started_s = clock_s();
  int status = run_process(argv, STDERR_FILENO, words);
  double took_s = clock_s() - started_s;
  if (status != 0) return FAIL(st, "bench: run failed: %.300s", last_line(words));
  if (round < 0) return true;
  char *rest = NULL;
  for (char *line = strtok_r(words, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
    size_t length = strlen(line), name = strcspn(line, " ");
    char *number = length > 2 && !strcmp(line + length - 2, " s") ? line + length - 3 : NULL;
    while (number && number > line && number[-1] != ' ') number--;
    if (number && number > line + name && strncmp(line, "altogether", name) != 0)
      add_part(parts, round, line, name, strtod(number, NULL));
  }
  add_part(parts, round, "all", 3, took_s);
  return true;
}

static bool run_peer(const Job *job, int round, Parts *parts, Status *st) {
  static char words[WORDS_MAX];
  char offset[16], length[16];
  snprintf(offset, sizeof offset, "%d", OFFSET), snprintf(length, sizeof length, "%d", job->T);
  char *argv[] = {(char *)job->python,
                  (char *)peer_script,
                  (char *)job->model,
                  (char *)job->ids,
                  offset,
                  length,
                  (char *)job->peer_out,
                  NULL};
  double started_s = clock_s();
  int status = run_process(argv, STDOUT_FILENO, words);
  double took_s = clock_s() - started_s;
  if (status != 0) return FAIL(st, "bench: %s failed with %s", peer_script, job->python);
  char *rest = NULL;
  for (char *line = strtok_r(words, "\n", &rest); line && round >= 0;
       line = strtok_r(NULL, "\n", &rest)) {
    size_t name = strcspn(line, "\t");
    add_part(parts, round, line, name, strtod(line + name, NULL));
  }
  if (round >= 0) add_part(parts, round, "process", 7, took_s);
  return true;
}

/* What the script needs and this Python lacks, in words; NULL where nothing. */
static const char *peer_missing(Arena *arena, const Job *job) {
  static const char *const module[] = {"numpy", "h5py", "torch", "transformers"};
  static char words[WORDS_MAX];
  if (access(peer_script, R_OK) != 0)
    return arena_printf(arena, "%s is not here: start from the project's folder", peer_script);
  for (size_t i = 0; i < sizeof module / sizeof *module; i++) {
    char import[64];
    snprintf(import, sizeof import, "import %s", module[i]);
    char *argv[] = {(char *)job->python, (char[]){"-c"}, import, NULL};
    int status = run_process(argv, STDOUT_FILENO, words);
    if (status < 0) return arena_printf(arena, "%s cannot be started", job->python);
    if (status != 0)
      return arena_printf(arena, "%s has no %s; DRIFTSCOPE_PYTHON may name another Python",
                          job->python, module[i]);
  }
  return NULL;
}

/* --- what it runs on -------------------------------------------------------------------------- */

static bool write_text(const char *path, const char *text, Status *st) {
  FILE *file = fopen(path, "w");
  bool ok = file && fputs(text, file) >= 0;
  ok = file && fclose(file) == 0 && ok;
  return ok || FAIL(st, "%s: cannot be written: %s", path, strerror(errno));
}

static bool job_make(Arena *arena, const Options *o, Job *job, Progress *progress, Status *st) {
  char *folder =
      arena_printf(arena, "%s/driftscope-bench-XXXXXX", o->folder ? o->folder : job_temporary());
  if (!mkdtemp(folder)) return FAIL(st, "%s: cannot be made: %s", folder, strerror(errno));
  job->folder = folder;
  job->model = arena_printf(arena, "%s/model", folder);
  job->ids = arena_printf(arena, "%s/ids.txt", folder);
  job->spec = arena_printf(arena, "%s/whole_job.yaml", folder);
  job->out = arena_printf(arena, "%s/results", folder);
  job->peer_out = arena_printf(arena, "%s/peer.h5", folder);
  char *ids = arena_alloc(arena, (size_t)TOKENS * 8, 1);
  for (int i = 0, at = 0; i < TOKENS; i++)
    at += sprintf(ids + at, "%d ", (int)((int64_t)i * 7919 % job->shape->vocab));
  TRY(write_text(job->ids, ids, st));
  const char *spec = arena_printf(
      arena,
      "title: whole job\nquestion: How long does it take?\nmodel: model\n"
      "calibration: {tokens: ids.txt, windows: 4, length: 128}\n"
      "prompts: [{name: p, tokens: ids.txt, offset: %d, length: %d}]\n"
      "pairs: [[2-0, 2-4]]\nevents: {repair: 0}\nthreads: %d\nbackend: %s\n",
      OFFSET, job->T, o->threads > 0 ? o->threads : 0, o->backend ? o->backend : "auto");
  TRY(write_text(job->spec, spec, st));
  return synth_write(job->shape, WEIGHT_F32, 1, job->model, progress, *arena, st);
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *where) {
  (void)about, (void)kind, (void)where;
  return remove(path);
}

/* --- floors ----------------------------------------------------------------------------------- */

static double results_bytes(const Job *job) {
  char path[4096];
  struct stat about;
  snprintf(path, sizeof path, "%s/results.h5", job->out);
  return stat(path, &about) == 0 ? (double)about.st_size : 0;
}

typedef struct JobFloors {
  double load_s, modes_s, reference_s, store_s;
} JobFloors;

static bool job_floors(const Job *job, Arena scratch, JobFloors *least, Status *st) {
  const Config c = synth_config(job->shape);
  const double T = job->T, D = c.D, E = c.E, N = c.N, R = c.R, layers = c.layers;
  const double linears = T * layers * (D * 2 * E + E * (R + 2 * N) + R * E + E * D);
  const double head = T * D * c.vocab, exps = T * layers * E * (N + 3);
  Floors f;
  TRY(floors_measure(job->folder, &f, st));
  Copy copy = {arena_room(&scratch, COPY, 1), arena_room(&scratch, COPY, 1), COPY};
  Timed timed =
      timing_repeat(copy_work(&copy), &(Repeats){.warm = 1, .calls = 1, .least = 5, .most = 5});
  f.copy_bytes_per_s = 2.0 * COPY / timed.call_s.median;
  least->load_s =
      4 * (layers * (3 * D * E + E * (R + 2 * N) + R * E) + D * c.vocab) / f.copy_bytes_per_s;
  least->modes_s =
      2 * (linears / f.per_s[PEAK_I8] + head / f.per_s[PEAK_FMA32] + exps / f.per_s[PEAK_EXP]);
  least->reference_s = (linears + head) / f.per_s[PEAK_FMA64] + 2 * exps / f.per_s[PEAK_EXP];
  least->store_s = results_bytes(job) / f.write_bytes_per_s;
  return true;
}

/* --- what was found --------------------------------------------------------------------------- */

static Middle middle(const Part *part) {
  double value[ROUNDS], room[ROUNDS];
  memcpy(value, part->second, sizeof value);
  return middle_of(value, ROUNDS, room);
}

static double all_s(const Parts *parts, const char *name) {
  for (int i = 0; i < parts->count; i++)
    if (!strcmp(parts->part[i].name, name)) return middle(&parts->part[i]).median;
  return NAN;
}

static void print_parts(const char *who, const Parts *parts) {
  printf("%-22s %10s %10s\n", who, "median s", "MAD s");
  for (int i = 0; i < parts->count; i++) {
    const char *name = parts->part[i].name;
    Middle m = middle(&parts->part[i]);
    if (strcmp(name, "tensors") != 0 && strcmp(name, "bytes") != 0)
      printf("  %-20s %10.3f %10.3f\n", name, m.median, m.mad);
  }
}

static json_t *parts_json(const Parts *parts) {
  json_t *all = json_object();
  for (int i = 0; i < parts->count; i++) {
    Middle m = middle(&parts->part[i]);
    json_object_set_new(all, parts->part[i].name,
                        json_pack("{s:f, s:f}", "median", m.median, "mad", m.mad));
  }
  return all;
}

static void print_json(const Job *job, const char *where, const Parts *own, const Parts *peer,
                       const JobFloors *f) {
  json_t *root =
      json_pack("{s:s, s:s, s:i, s:o, s:{s:f, s:f, s:f, s:f}}", "device", where, "shape",
                job->shape->name, "T", job->T, "whole_job", parts_json(own), "floors_s", "load",
                f->load_s, "modes", f->modes_s, "reference", f->reference_s, "store", f->store_s);
  if (peer->count) {
    json_object_set_new(root, "transformers", parts_json(peer));
    json_object_set_new(root, "to_transformers", json_real(all_s(own, "all") / all_s(peer, "all")));
  }
  json_dumpf(root, stdout, JSON_INDENT(1));
  printf("\n");
  json_decref(root);
}

static void print_job(const Job *job, const char *where, const Parts *own, const Parts *peer,
                      const JobFloors *f) {
  double sum = f->load_s + f->modes_s + f->reference_s + f->store_s;
  printf("%s\n%s, %d tokens, modes 2-0 and 2-4 and the reference, every tensor kept: %.0f MB, %d "
         "rounds\n",
         where, job->shape->name, job->T, 1e-6 * results_bytes(job), ROUNDS);
  print_parts("whole job", own);
  printf("floors: load %.3f s, modes %.3f s, reference %.3f s, store %.3f s: %.3f s; the job takes "
         "%.2f of it\n",
         f->load_s, f->modes_s, f->reference_s, f->store_s, sum, all_s(own, "all") / sum);
  if (!peer->count) return;
  print_parts("transformers", peer);
  printf("the job takes %.2f of the time of transformers' one forward (%.0f tensors, %.0f MB)\n",
         all_s(own, "all") / all_s(peer, "all"), all_s(peer, "tensors"),
         1e-6 * all_s(peer, "bytes"));
}

/* In turns, so that what changes on the machine meets both; the first of each is not counted: it
 * takes scales and fills the cache. */
static bool run_rounds(const Job *job, bool against, Parts *own, Parts *peer, Progress *progress,
                       Status *st) {
  progress_phase(progress, "rounds", ROUNDS + 1);
  for (int round = -1; round < ROUNDS; round++, progress_step(progress, round + 1)) {
    TRY(run_own(job, round, own, st));
    if (against) TRY(run_peer(job, round, peer, st));
  }
  progress_done(progress, "%d, and one before", ROUNDS);
  return true;
}

bool job_run(Arena *arena, const Options *o, const SynthShape *shape, const char *where,
             Progress *progress, Status *st) {
  const char *python = getenv("DRIFTSCOPE_PYTHON"), *missing = NULL;
  Job job = {.shape = shape,
             .T = o->bench_length ? o->bench_length : 171,
             .python = python && *python ? python : "python3"};
  Parts own = {.count = 0}, peer = {.count = 0};
  JobFloors least;
  if (job.T > TOKENS - OFFSET)
    return FAIL(st, "--length: the whole job runs at most %d tokens", TOKENS - OFFSET);
  if (o->against && (missing = peer_missing(arena, &job)))
    return FAIL(st, "--against transformers: %s", missing);
  bool ok = job_make(arena, o, &job, progress, st) &&
            run_rounds(&job, o->against != NULL, &own, &peer, progress, st) &&
            job_floors(&job, *arena, &least, st);
  if (ok) (o->json ? print_json : print_job)(&job, where, &own, &peer, &least);
  if (job.folder) nftw(job.folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  return ok;
}
