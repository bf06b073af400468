#include "command/job.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/number.h"
#include "base/timing.h"
#include "command/floors.h"
#include "command/own_run.h"
#include "walk/proof.h"

enum {
  ROUNDS = 3,
  TOKENS = 4096,
  OFFSET = 1000,
  PARTS_MAX = 16,
  PART_NAME = 32,
  WORDS_MAX = 1 << 16,
  COPY = 1 << 26 /* twice that leaves every cache */
};
static const char *const peer_script = "experiments/peer_transformers.py";

/* A part, and its seconds in each round. */
typedef struct Part {
  char name[PART_NAME];
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

/* --- the two sides ---------------------------------------------------------------------------- */

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

/* The parts as the run's own table has them: "what,time_s,bytes" a line; its total is without what
 * comes before and after. */
static bool run_own(const Job *job, int round, Parts *parts, Arena scratch, Status *st) {
  OwnRun run;
  Bytes table;
  TRY(own_run(job->spec, job->out, &run, st));
  if (round < 0) return true;
  const char *path = arena_printf(&scratch, "%s/tables/performance.csv", job->out);
  TRY(file_read(&scratch, path, WORDS_MAX, &table, st));
  char *words = arena_printf(&scratch, "%.*s", (int)table.count, table.data), *rest = NULL;
  strtok_r(words, "\n", &rest); /* its head */
  for (char *line; (line = strtok_r(NULL, "\n", &rest));) {
    const size_t name = strcspn(line, ",");
    if (line[name] && strncmp(line, "total,", 6) != 0)
      add_part(parts, round, line, name, strtod(line + name + 1, NULL));
  }
  add_part(parts, round, "all", 3, run.wall_s);
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
  int status = process_words(argv, STDOUT_FILENO, words, sizeof words, NULL);
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
    int status = process_words(argv, STDOUT_FILENO, words, sizeof words, NULL);
    if (status < 0) return arena_printf(arena, "%s cannot be started", job->python);
    if (status != 0)
      return arena_printf(arena, "%s has no %s; DRIFTSCOPE_PYTHON may name another Python",
                          job->python, module[i]);
  }
  return NULL;
}

/* --- what it runs on -------------------------------------------------------------------------- */

static bool job_make(Arena *arena, const Options *o, Job *job, Progress *progress, Status *st) {
  TRY(own_folder(arena, o->folder, &job->folder, st));
  job->model = arena_printf(arena, "%s/model", job->folder);
  job->ids = arena_printf(arena, "%s/ids.txt", job->folder);
  job->spec = arena_printf(arena, "%s/whole_job.yaml", job->folder);
  job->out = arena_printf(arena, "%s/results", job->folder);
  job->peer_out = arena_printf(arena, "%s/peer.h5", job->folder);
  char *ids = arena_alloc(arena, (size_t)TOKENS * 8, 1);
  for (int i = 0, at = 0; i < TOKENS; i++)
    at += sprintf(ids + at, "%d ", (int)((int64_t)i * 7919 % job->shape->vocab));
  TRY(file_write(job->ids, ids, strlen(ids), false, st));
  const char *spec = arena_printf(
      arena,
      "title: whole job\nquestion: How long does it take?\nmodel: model\n"
      "calibration: {tokens: ids.txt, windows: 4, length: 128}\n"
      "prompts: [{name: p, tokens: ids.txt, offset: %d, length: %d}]\n"
      "pairs: [[2-0, 2-4]]\nevents: {repair: 0}\nthreads: %d\nbackend: %s\n",
      OFFSET, job->T, o->threads > 0 ? o->threads : 0, o->backend ? o->backend : "auto");
  TRY(file_write(job->spec, spec, strlen(spec), false, st));
  return synth_write(job->shape, WEIGHT_F32, 1, job->model, progress, *arena, st);
}

/* --- floors ----------------------------------------------------------------------------------- */

static double results_bytes(const Job *job) {
  char path[PATH_MAX];
  struct stat about;
  snprintf(path, sizeof path, "%s/results.h5", job->out);
  return stat(path, &about) == 0 ? (double)about.st_size : 0;
}

/* The least time of the parts of those names; of "all" their sum. */
enum { FLOORS = 7 };
typedef struct JobFloors {
  struct {
    const char *part;
    double least_s;
  } of[FLOORS];
  double sum_s;
} JobFloors;

static bool job_floors(const Job *job, Arena scratch, JobFloors *least, Status *st) {
  const Config c = synth_config(job->shape);
  const double T = job->T, D = c.D, E = c.E, N = c.N, R = c.R, layers = c.layers;
  const double weights = layers * (D * 2 * E + E * (R + 2 * N) + R * E + E * D), head = D * c.vocab,
               exps = T * layers * E * (N + 3),
               proved = 2.0 * (T < PROOF_TOKENS ? T : PROOF_TOKENS) / T;
  Floors f;
  TRY(floors_measure(job->folder, &f, st));
  Copy copy = {arena_room(&scratch, COPY, 1), arena_alloc(&scratch, COPY, 1), COPY};
  Timed timed =
      timing_repeat(copy_work(&copy), &(Repeats){.warm = 1, .calls = 1, .least = 5, .most = 5});
  f.copy_bytes_per_s = 2.0 * COPY / timed.call_s.median;
  const double results = results_bytes(job),
               mode_s = T * (weights / f.per_s[PEAK_I8] + head / f.per_s[PEAK_FMA32]) +
                        exps / f.per_s[PEAK_EXP],
               products64_s = T * (weights + head) / f.per_s[PEAK_FMA64];
  *least = (JobFloors){.of = {{"prepare", (5 * weights + 8 * head) / f.copy_bytes_per_s},
                              {"rewrite proof", proved * products64_s},
                              {"2-0", mode_s},
                              {"2-4", mode_s},
                              {"fp64", products64_s + 2 * exps / f.per_s[PEAK_EXP]},
                              {"statistics", results / f.copy_bytes_per_s},
                              {"store", results / f.write_bytes_per_s}}};
  for (int i = 0; i < FLOORS; i++) least->sum_s += least->of[i].least_s;
  return true;
}

/* NaN: it has none. */
static double floor_of(const JobFloors *f, const char *part) {
  for (int i = 0; i < FLOORS; i++)
    if (!strcmp(f->of[i].part, part)) return f->of[i].least_s;
  return strcmp(part, "all") ? NAN : f->sum_s;
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

/* f: NULL where there are none. */
static void print_parts(const char *who, const Parts *parts, const JobFloors *f) {
  printf("%-22s %10s %10s%s\n", who, "median s", "MAD s", f ? "    floor s      ratio" : "");
  for (int i = 0; i < parts->count; i++) {
    const char *name = parts->part[i].name;
    const double least_s = f ? floor_of(f, name) : NAN;
    const Middle m = middle(&parts->part[i]);
    if (!strcmp(name, "tensors") || !strcmp(name, "bytes")) continue;
    printf("  %-20s %10.3f %10.3f", name, m.median, m.mad);
    if (!isnan(least_s)) printf(" %10.3f %10.2f", least_s, m.median / least_s);
    printf("\n");
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
  json_t *floors = json_object(),
         *root = json_pack("{s:s, s:s, s:i, s:o, s:o}", "device", where, "shape", job->shape->name,
                           "T", job->T, "whole_job", parts_json(own), "floors_s", floors);
  for (int i = 0; f && i < FLOORS; i++)
    json_object_set_new(floors, f->of[i].part, json_real(f->of[i].least_s));
  if (f) json_object_set_new(root, "to_floors", json_real(all_s(own, "all") / f->sum_s));
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
  printf("%s\n%s, %d token%s, modes 2-0 and 2-4 and the reference, every tensor kept: %.0f MB, %d "
         "rounds\n",
         where, job->shape->name, job->T, plural(job->T), 1e-6 * results_bytes(job), ROUNDS);
  print_parts("whole job", own, f);
  if (!peer->count) return;
  print_parts("transformers", peer, NULL);
  printf("the job takes %.2f of the time of transformers' one forward (%.0f tensors, %.0f MB)\n",
         all_s(own, "all") / all_s(peer, "all"), all_s(peer, "tensors"),
         1e-6 * all_s(peer, "bytes"));
}

/* What the round before wrote goes before the clock starts: it would be on its way to the disk, and
 * in the way of the next. Scales stay. */
static void clear_round(const Job *job, Arena scratch) {
  unlink(arena_printf(&scratch, "%s/results.h5", job->out));
  unlink(job->peer_out);
}

/* In turns, so that what changes on the machine meets both; the first of each is not counted: it
 * takes scales and fills the cache. */
static bool run_rounds(const Job *job, bool against, Parts *own, Parts *peer, Progress *progress,
                       Arena scratch, Status *st) {
  progress_phase(progress, "rounds", ROUNDS + 1);
  for (int round = -1; round < ROUNDS; round++, progress_step(progress, round + 1)) {
    clear_round(job, scratch);
    TRY(run_own(job, round, own, scratch, st));
    if (against) TRY(run_peer(job, round, peer, st));
  }
  progress_done(progress, "%d, and one before", ROUNDS);
  return true;
}

/* A floor is of a part that the run tells of. */
static bool floors_meet(const JobFloors *f, const Parts *parts, Status *st) {
  for (int i = 0; i < FLOORS; i++)
    if (isnan(all_s(parts, f->of[i].part)))
      return FAIL(st, "bench: the run's table performance has no part '%s'", f->of[i].part);
  return true;
}

bool job_run(Arena *arena, const Options *o, const SynthShape *shape, const char *where,
             bool on_device, Progress *progress, Status *st) {
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
            run_rounds(&job, o->against != NULL, &own, &peer, progress, *arena, st) &&
            (on_device || (job_floors(&job, *arena, &least, st) && floors_meet(&least, &own, st)));
  if (ok) (o->json ? print_json : print_job)(&job, where, &own, &peer, on_device ? NULL : &least);
  own_folder_remove(job.folder);
  return ok;
}
