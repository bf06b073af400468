/* Numbers that are traps: NaN, infinity, -0 and denormals behind an operator, at places drawn at
 * random, and in weights. What is not finite is named first, at its very place, whatever it spoils
 * behind it; what is finite warns of nothing and is told apart from 0 in every bit. */
#include "planted.h"
#include "report/finite.h"
#include "study/pairs.h"
#include "tests/draws.h"

enum { PROMPTS = 2, LAYERS = 3, TOKENS = 9, ROWS = 2000 };

static const char *const names[] = {"fp32", "2-4", "2-0"};
enum { MODES = sizeof names / sizeof *names };

static Shipped shipped;
static Subject subject;
static Spec spec;
static Mode modes[MODES];
static PromptShape prompt[PROMPTS];

/* Of each test. */
static int plants(void) { return getenv("DRIFTSCOPE_EXHAUSTIVE") ? 200 : 25; }

static uint32_t planted_bits; /* of a float32 */
static float replaced;        /* what stood there */
static bool put_there;        /* the operator makes floats in this mode */

/* In a float16 a denormal is the least that there is. */
static uint16_t half_of(float value) {
  const uint16_t sign = signbit(value) ? 0x8000 : 0;
  return sign | (isnan(value) ? 0x7e00 : isinf(value) ? 0x7c00 : value == 0 ? 0 : 1);
}

static void put(Tensor *t, size_t at) {
  float value;
  memcpy(&value, &planted_bits, sizeof value);
  put_there = t->format != FORMAT_I8;
  if (!put_there) return;
  replaced = (float)tensor_value(t, (size_t)plant.row * (size_t)t->cols + (size_t)plant.col);
  if (t->format == FORMAT_F32)
    memcpy((float *)t->data + at, &value, sizeof value);
  else
    ((uint16_t *)t->data)[at] = half_of(value);
}

static void start(void) {
  shipped = planted_model(LAYERS);
  for (int p = 0; p < PROMPTS; p++)
    prompt[p] = (PromptShape){p ? "second" : "first", shipped.test + 4000 + 500 * p, TOKENS - p};
  subject = (Subject){.weights = shipped.weights,
                      .model = shipped.model,
                      .prompt = prompt,
                      .checkpoint = shipped.checkpoint};
  for (int m = 0; m < MODES; m++) modes[m] = *mode_preset(names[m]);
  spec = (Spec){.modes = modes, .mode_count = MODES, .prompt_count = PROMPTS};
  plant.change = put;
}

TestSuite(traps, .init = start, .timeout = 600);

/* Every row of tensor_stats of a walk, as a run measures them. */
typedef struct Seen {
  Arena arena;
  Pairs pairs;
  TensorStats row[ROWS];
  size_t rows;
} Seen;

static bool see(void *context, const WalkPlace *at, const Trace *trace, Arena scratch, Status *st) {
  Seen *seen = context;
  LayerRows rows;
  if (!pairs_measure(&seen->pairs, at, trace, &rows, &scratch, st)) return false;
  cr_assert(seen->rows + (size_t)rows.tensors <= ROWS);
  memcpy(&seen->row[seen->rows], rows.tensor, (size_t)rows.tensors * sizeof *rows.tensor);
  seen->rows += (size_t)rows.tensors;
  return true;
}

static void walk(Seen *seen) {
  Status st = {0};
  Progress quiet = progress_start(true);
  Study study = {.spec = &spec, .subject = &subject, .progress = &quiet};
  seen->arena = shipped.arena;
  seen->rows = 0;
  seen->pairs = pairs_of(&seen->arena, &spec, &subject, NULL);
  for (int s = 0; s < seen->pairs.sides; s++) seen->pairs.side[s].layers = LAYERS;
  Visitor visitor = {.context = seen, .layer = see};
  pairs_begin(&seen->pairs);
  cr_assert(study_walk(&study, seen->pairs.side, seen->pairs.sides, prompt, PROMPTS, &visitor,
                       false, NULL, seen->arena, &st),
            "%s", st.text);
  JudgedRows rest;
  Arena scratch = seen->arena;
  cr_assert(pairs_end(&seen->pairs, &rest, &scratch, &st), "%s", st.text);
}

/* The line that leads the terminal. */
static const char *summary_of(Seen *seen) {
  ReportData *d = ARENA_NEW(&seen->arena, ReportData, 1);
  TableRows *rows = ARENA_NEW(&seen->arena, TableRows, 1);
  *rows = (TableRows){&table_tensor_stats, seen->row, seen->rows};
  d->tables = rows;
  d->table_count = 1;
  data_arrange(&seen->arena, d);
  return finite_summary(&seen->arena, d);
}

static int width_of(const Seen *seen, const char *tensor) {
  for (size_t i = 0; i < seen->rows; i++)
    if (!strcmp(seen->row[i].tensor, tensor)) return (int)seen->row[i].cols;
  cr_assert_fail("no %s", tensor);
  return 0;
}

/* What is planted, and where. */
typedef struct Planted {
  const char *tensor;
  int width;
} Planted;

/* Walks again, with one of these values planted where an operator makes floats. */
static Planted plant_one(const Seen *natural, Seen *seen, gsl_rng *draws, const uint32_t *kind,
                         unsigned long kinds) {
  Planted place;
  do {
    plant.planted = true;
    plant.mode = names[gsl_rng_uniform_int(draws, MODES)];
    plant.maker = (int)gsl_rng_uniform_int(draws, MAKERS);
    plant.layer = (int)gsl_rng_uniform_int(draws, LAYERS);
    plant.rows = prompt[gsl_rng_uniform_int(draws, PROMPTS)].T;
    plant.row = (int)gsl_rng_uniform_int(draws, (unsigned long)plant.rows);
    place.tensor = family_mamba1.tensors.info[makers[plant.maker].tensor].name;
    place.width = width_of(natural, place.tensor);
    plant.col = (int)gsl_rng_uniform_int(draws, (unsigned long)place.width);
    planted_bits = kind[gsl_rng_uniform_int(draws, kinds)];
    walk(seen);
  } while (!put_there);
  return place;
}

Test(traps, what_is_not_finite_is_named_first_at_its_very_place) {
  static const uint32_t kinds[] = {0x7fc00000, 0xffc12345, 0x7f800001, 0x7f800000, 0xff800000};
  static Seen natural, seen;
  gsl_rng *draws = draws_from(41);
  walk(&natural);
  cr_expect_str_eq(summary_of(&natural), "");
  for (int i = 0; i < plants(); i++) {
    const Planted place = plant_one(&natural, &seen, draws, kinds, sizeof kinds / sizeof *kinds);
    char want[256];
    snprintf(want, sizeof want,
             "NOT FINITE: first at layer %d, %s, element %d ([%d, %d]), of mode %s (prompt %s); ",
             plant.layer, place.tensor, plant.row * place.width + plant.col, plant.row, plant.col,
             plant.mode, plant.rows == TOKENS ? "first" : "second");
    const char *got = summary_of(&seen);
    cr_expect(!strncmp(got, want, strlen(want)), "%08x: got \"%s\", want \"%s\"",
              (unsigned)planted_bits, got, want);
  }
}

static const TensorStats *row_of(const Seen *seen, const char *tensor) {
  for (size_t i = 0; i < seen->rows; i++) {
    const TensorStats *row = &seen->row[i];
    if (row->layer == plant.layer && row->rows == plant.rows && !strcmp(row->mode, plant.mode) &&
        !strcmp(row->tensor, tensor))
      return row;
  }
  return NULL;
}

Test(traps, negative_zero_and_denormals_warn_of_nothing_and_are_counted_for_what_they_are) {
  static const uint32_t kinds[] = {0x80000000, 0x00000001, 0x807fffff, 0x00400000};
  static Seen natural, seen;
  gsl_rng *draws = draws_from(42);
  walk(&natural);
  for (int i = 0; i < plants(); i++) {
    const Planted place = plant_one(&natural, &seen, draws, kinds, sizeof kinds / sizeof *kinds);
    const TensorStats *before = row_of(&natural, place.tensor), *row = row_of(&seen, place.tensor);
    const int zeros = (planted_bits == 0x80000000) - (replaced == 0);
    cr_expect_str_eq(summary_of(&seen), "");
    cr_expect(row->zeros == before->zeros + zeros && row->nonfinite == 0,
              "%08x in place of %g in %s of %s: %lld zeros became %lld", (unsigned)planted_bits,
              replaced, place.tensor, plant.mode, (long long)before->zeros, (long long)row->zeros);
  }
}
