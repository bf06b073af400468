#include "command/growth.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "command/own_run.h"
#include "measure/power_law.h"
#include "model/synth.h"

enum { ROUNDS = 3, WIDTH = 128, VOCAB = 256, POINTS_MOST = 6, SPEC_ROOM = 1 << 14, IDS = 1 << 13 };

/* What may grow, and the prompts' length where there are many. */
enum { LENGTH, LAYERS, MODES, PROMPTS, AXES };
static const int usual[AXES] = {256, 4, 2, 1};
enum { SHORT = 64 };

static const struct {
  const char *name, *one;
  int points, n[POINTS_MOST];
} axes[AXES] = {[LENGTH] = {"length", "token", 6, {64, 256, 1024, 2048, 4096, 8192}},
                [LAYERS] = {"layers", "layer", 5, {4, 8, 16, 32, 64}},
                [MODES] = {"modes", "mode", 5, {1, 2, 4, 6, 8}},
                [PROMPTS] = {"prompts", "prompt", 5, {1, 4, 16, 32, 64}}};
static const char *const mode_names[] = {"2-0", "2-4", "0", "1", "2-1", "2-2", "2-3", "3"};

/* What is measured of a run. */
enum { TIME, PROCESSOR, MEMORY, FILE_BYTES, FIGURES };
static const struct {
  const char *name, *key, *unit;
  double scale;
} figures[FIGURES] = {[TIME] = {"time", "time_s", "s", 1},
                      [PROCESSOR] = {"processor", "processor_s", "s", 1},
                      [MEMORY] = {"memory", "memory_bytes", "MB", 1e-6},
                      [FILE_BYTES] = {"file", "file_bytes", "MB", 1e-6}};

typedef struct Growth {
  const char *folder, *spec, *out;
  int threads;
  const char *backend;
  double least[AXES][POINTS_MOST][FIGURES];
} Growth;

/* --- one run ---------------------------------------------------------------------------------- */

static const char *model_name(Arena *arena, int layers) {
  return arena_printf(arena, "model_%d", layers);
}

static const char *spec_of(Arena *arena, const Growth *g, const int size[AXES], int T) {
  char *text = arena_alloc(arena, SPEC_ROOM, 1), *at = text;
  at += sprintf(at,
                "title: growth\nmodel: %s\nthreads: %d\nbackend: %s\nevents: {repair: 0}\n"
                "calibration: {tokens: ids.txt, windows: 2, length: 128}\nprompts:\n",
                model_name(arena, size[LAYERS]), g->threads, g->backend);
  for (int p = 0; p < size[PROMPTS]; p++)
    at += sprintf(at, "  - {name: p%d, tokens: ids.txt, offset: %d, length: %d}\n", p,
                  p * T % (IDS - T + 1), T);
  at += sprintf(at, "pairs: [[2-0, %s]]\ncompare_all: [", size[MODES] > 1 ? "2-4" : "fp64");
  for (int m = 0; m < size[MODES]; m++) at += sprintf(at, "%s%s", m ? ", " : "", mode_names[m]);
  sprintf(at, "]\n");
  return text;
}

static bool run_point(Growth *g, int axis, int point, Arena scratch, Status *st) {
  int size[AXES];
  OwnRun run;
  memcpy(size, usual, sizeof size);
  size[axis] = axes[axis].n[point];
  const char *text = spec_of(&scratch, g, size, axis == PROMPTS ? SHORT : size[LENGTH]),
             *results = arena_printf(&scratch, "%s/results.h5", g->out);
  struct stat about;
  TRY(file_write(g->spec, text, strlen(text), false, st));
  TRY(own_run(g->spec, g->out, &run, st));
  if (stat(results, &about) != 0 || remove(results) != 0)
    return FAIL(st, "%s: %s", results, strerror(errno));
  const double got[FIGURES] = {run.wall_s, run.processor_s, run.peak_bytes, (double)about.st_size};
  double *least = g->least[axis][point];
  for (int f = 0; f < FIGURES; f++)
    if (least[f] == 0 || got[f] < least[f]) least[f] = got[f];
  return true;
}

static bool make_inputs(const Growth *g, Arena scratch, Status *st) {
  Progress quiet = progress_start(true);
  char *ids = arena_alloc(&scratch, (size_t)IDS * 4 + 1, 1);
  for (int i = 0, at = 0; i < IDS; i++)
    at += sprintf(ids + at, "%d ", (int)((int64_t)i * 7919 % VOCAB));
  TRY(file_write(arena_printf(&scratch, "%s/ids.txt", g->folder), ids, strlen(ids), false, st));
  for (int i = 0; i < axes[LAYERS].points; i++) {
    const SynthShape shape = {"growth", WIDTH, axes[LAYERS].n[i], VOCAB, .file_bytes = 1 << 30};
    const char *model =
        arena_printf(&scratch, "%s/%s", g->folder, model_name(&scratch, shape.layers));
    TRY(synth_write(&shape, WEIGHT_F32, 1, model, &quiet, scratch, st));
  }
  return true;
}

static bool run_all(Growth *g, Progress *progress, Arena scratch, Status *st) {
  int total = 0, done = 0;
  for (int a = 0; a < AXES; a++) total += ROUNDS * axes[a].points;
  progress_phase(progress, "growth", total);
  for (int round = 0; round < ROUNDS; round++)
    for (int a = 0; a < AXES; a++)
      for (int p = 0; p < axes[a].points; p++, progress_step(progress, ++done))
        TRY(run_point(g, a, p, scratch, st));
  progress_done(progress, "%d runs", total);
  return true;
}

/* --- what was found --------------------------------------------------------------------------- */

typedef struct Law {
  PowerLaw upper;
  FixedAndSlope all;
} Law;

static Law law_of(const Growth *g, int axis, int figure) {
  double n[POINTS_MOST], y[POINTS_MOST];
  const int points = axes[axis].points;
  for (int p = 0; p < points; p++)
    n[p] = axes[axis].n[p], y[p] = g->least[axis][p][figure] * figures[figure].scale;
  return (Law){power_law_of(n, y, points), fixed_and_slope_of(n, y, points)};
}

static void print_axis(const Growth *g, int axis) {
  printf("\n%-9s", axes[axis].name);
  for (int f = 0; f < FIGURES; f++) {
    char title[32];
    snprintf(title, sizeof title, "%s %s", figures[f].name, figures[f].unit);
    printf(" %12s", title);
  }
  printf("\n");
  for (int p = 0; p < axes[axis].points; p++) {
    printf("%9d", axes[axis].n[p]);
    for (int f = 0; f < FIGURES; f++) printf(" %12.4g", g->least[axis][p][f] * figures[f].scale);
    printf("\n");
  }
  for (int f = 0; f < FIGURES; f++) {
    const Law law = law_of(g, axis, f);
    printf("  %-9s grows as n^%.2f ± %.2f at the end; %.3g %s + %.3g %s n^%.2f throughout, within "
           "%.0f %%; twice the %s at the end: %.2f times\n",
           figures[f].name, law.upper.exponent, law.upper.error, law.all.fixed, figures[f].unit,
           law.all.slope, figures[f].unit, law.all.exponent, 100 * law.all.off, axes[axis].name,
           pow(2, law.upper.exponent));
  }
}

/* The exponents that are more than 1 by three standard errors and a twentieth. */
static void print_reading(const Growth *g) {
  int steep = 0;
  printf("\n");
  for (int a = 0; a < AXES; a++)
    for (int f = 0; f < FIGURES; f++) {
      const PowerLaw upper = law_of(g, a, f).upper;
      if (upper.exponent - 3 * upper.error <= 1.05) continue;
      printf("faster than linear: %s of %s, n^%.2f ± %.2f\n", figures[f].name, axes[a].name,
             upper.exponent, upper.error);
      steep++;
    }
  if (!steep) printf("nothing measured here grows faster than linearly\n");
  const FixedAndSlope memory = law_of(g, LENGTH, MEMORY).all;
  const double tokens = pow((8000 - memory.fixed) / memory.slope, 1 / memory.exponent);
  if (isfinite(tokens))
    printf("memory, were it to grow on like that: at D %d with two modes and the reference 8 GB "
           "would hold %.0f tokens\n",
           WIDTH, tokens);
}

static void print_growth(const Growth *g, const char *where) {
  printf("%s\nD %d, %d layers, a prompt of %d tokens (many prompts: of %d), modes 2-0 and 2-4 and "
         "the reference, every tensor kept; one of these grows; least of %d runs\n",
         where, WIDTH, usual[LAYERS], usual[LENGTH], SHORT, ROUNDS);
  for (int a = 0; a < AXES; a++) print_axis(g, a);
  print_reading(g);
}

static json_t *axis_json(const Growth *g, int axis) {
  json_t *points = json_array(),
         *all = json_pack("{s:s, s:o}", "grows", axes[axis].name, "points", points);
  for (int p = 0; p < axes[axis].points; p++) {
    json_t *point = json_pack("{s:i}", "n", axes[axis].n[p]);
    for (int f = 0; f < FIGURES; f++)
      json_object_set_new(point, figures[f].key, json_real(g->least[axis][p][f]));
    json_array_append_new(points, point);
  }
  for (int f = 0; f < FIGURES; f++) {
    const Law law = law_of(g, axis, f);
    json_object_set_new(all, figures[f].name,
                        json_pack("{s:f, s:f, s:f, s:f, s:f, s:f}", "exponent", law.upper.exponent,
                                  "error", law.upper.error, "fixed",
                                  law.all.fixed / figures[f].scale, "slope",
                                  law.all.slope / figures[f].scale, "slope_exponent",
                                  law.all.exponent, "off", law.all.off));
  }
  return all;
}

static void growth_json(const Growth *g, const char *where) {
  json_t *series = json_array();
  for (int a = 0; a < AXES; a++) json_array_append_new(series, axis_json(g, a));
  json_t *root = json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:o}", "device", where, "D", WIDTH,
                           "layers", usual[LAYERS], "length", usual[LENGTH], "modes", usual[MODES],
                           "rounds", ROUNDS, "growth", series);
  json_dumpf(root, stdout, JSON_INDENT(1));
  printf("\n");
  json_decref(root);
}

bool growth_run(Arena *arena, const Options *o, const char *where, Progress *progress, Status *st) {
  const char *folder;
  TRY(own_folder(arena, o->folder, &folder, st));
  Growth *g = ARENA_NEW(arena, Growth, 1);
  *g = (Growth){.folder = folder,
                .spec = arena_printf(arena, "%s/growth.yaml", folder),
                .out = arena_printf(arena, "%s/results", folder),
                .threads = o->threads > 0 ? o->threads : 0,
                .backend = o->backend ? o->backend : "auto"};
  const bool ok = make_inputs(g, *arena, st) && run_all(g, progress, *arena, st);
  if (ok) (o->json ? growth_json : print_growth)(g, where);
  own_folder_remove(folder);
  return ok;
}
