/* The same computation in other clothes: other thread counts, other modes run before it, its input
 * written out and read back as a resumed run does. No such pair may ever be said to differ. */
#include <gsl/gsl_rng.h>
#include <omp.h>

#include "family/family.h"
#include "family/mamba1.h"
#include "measure/drift.h"
#include "measure/shape.h"
#include "measure/stats.h"
#include "measure/verdict.h"
#include "shipped_model.h"

enum { COMPARISONS = 1000, TOKENS_MOST = 12 };

/* All rows of one layer, as the driver makes them. */
static size_t rows_of(const Trace *a, const Trace *b, const Mode *mode, int layer, PairStats *row,
                      Arena scratch) {
  size_t count = 0;
  for (int id = 0; id < T_LAYER_COUNT; id++) {
    if (!a->t[id].data) continue;
    PairStats *r = &row[count++];
    memset(r, 0xa5, sizeof *r);
    snprintf(r->prompt, sizeof r->prompt, "p");
    snprintf(r->base, sizeof r->base, "%s", mode->name);
    snprintf(r->other, sizeof r->other, "%s", mode->name);
    snprintf(r->tensor, sizeof r->tensor, "%s", family_mamba1.tensors.info[id].name);
    r->layer = layer;
    stats_pair(&a->t[id], &b->t[id], r, scratch);
    r->top1_agreement = NAN;
  }
  return count;
}

/* The stream as a segment keeps it: its bytes and its witness. */
static Tensor written_and_read(Arena *arena, const Tensor *x) {
  size_t bytes = (size_t)x->rows * (size_t)x->cols * format_size(x->format);
  FILE *file = tmpfile();
  cr_assert(file && fwrite(x->data, 1, bytes, file) == bytes);
  rewind(file);
  void *data = arena_alloc(arena, bytes, 1);
  memset(data, 0xa5, bytes);
  cr_assert_eq(fread(data, 1, bytes, file), bytes);
  fclose(file);
  Tensor read = tensor_of(data, x->format, x->rows, x->cols, 0);
  read.kernel = x->kernel;
  return read;
}

static void run(const Shipped *s, int layer, const Mode *mode, int threads, const Tensor *x,
                Arena *arena, Trace *trace) {
  omp_set_num_threads(threads);
  block_run(&s->model, layer, mode, x, arena, trace);
}

Test(same_computation, in_other_clothes_is_never_said_to_differ, .timeout = 120) {
  Shipped s = shipped_load(REWRITE_QUAMBA);
  shipped_calibrate(&s, 2, 64);
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  gsl_rng_set(rng, 11);
  int differs = 0, shapes_other = 0;
  for (int i = 0; i < COMPARISONS; i++) {
    Arena arena = s.arena;
    const Mode *mode =
        &family_mamba1.preset[gsl_rng_uniform_int(rng, (unsigned long)family_mamba1.presets)];
    const Mode *before =
        &family_mamba1.preset[gsl_rng_uniform_int(rng, (unsigned long)family_mamba1.presets)];
    int layer = (int)gsl_rng_uniform_int(rng, (unsigned long)s.model.layers);
    int T = 1 + (int)gsl_rng_uniform_int(rng, TOKENS_MOST),
        at = (int)gsl_rng_uniform_int(rng, 200000);
    int threads =
        i % 8 ? 1 : 2; /* waiting threads are slow where other programs want the processors too */

    Trace ends = {0}, a, b, other;
    block_embed(&s.model, s.test + at, T, &arena, &ends);
    run(&s, layer, mode, 1, &ends.t[T_EMBEDDING], &arena, &a);
    Tensor resumed = written_and_read(&arena, &ends.t[T_EMBEDDING]);
    run(&s, layer, before, threads, &resumed, &arena, &other);
    run(&s, layer, mode, threads, &resumed, &arena, &b);

    PairStats rows[T_LAYER_COUNT];
    size_t count = rows_of(&a, &b, mode, layer, rows, arena), drifts, shapes;
    Drift *drift = drift_of(&arena, &families[0]->tensors, rows, count, &drifts);
    const DriftLimits limits = spec_drift(NULL, arena);
    DriftShape *shape =
        shape_of(&arena, &families[0]->tensors, rows, count, s.model.layers, &limits, 1, &shapes);
    Verdict verdict = verdict_of(&families[0]->tensors, (VerdictSide){mode->name, mode},
                                 (VerdictSide){mode->name, mode}, rows, count, drift, drifts,
                                 s.model.layers, arena);
    cr_assert(count >= T_SSM_STATE && shapes == count && verdict.tensors == (int)count);
    cr_assert_eq(verdict.tensors_same_kernel, verdict.tensors);
    differs += strcmp(verdict.effect, "identical") != 0 || verdict.first_layer != -2;
    for (size_t r = 0; r < count; r++) shapes_other += strcmp(shape[r].shape, "identical") != 0;
  }
  gsl_rng_free(rng);
  printf("the same computation in other clothes: %d of %d comparisons differ\n", differs,
         COMPARISONS);
  cr_assert_eq(differs, 0);
  cr_assert_eq(shapes_other, 0);
}

/* The comparison above is no rubber stamp: one bit of the input is seen. */
Test(same_computation, one_bit_of_the_input_is_a_difference) {
  Shipped s = shipped_load(REWRITE_QUAMBA);
  const Mode *mode = mode_preset("fp32");
  Trace ends = {0}, a, b;
  block_embed(&s.model, s.test, TOKENS_MOST, &s.arena, &ends);
  run(&s, 5, mode, 1, &ends.t[T_EMBEDDING], &s.arena, &a);
  Tensor other = written_and_read(&s.arena, &ends.t[T_EMBEDDING]);
  *(uint32_t *)other.data ^= 1;
  run(&s, 5, mode, 1, &other, &s.arena, &b);
  PairStats rows[T_LAYER_COUNT];
  size_t count = rows_of(&a, &b, mode, 5, rows, s.arena), drifts;
  Drift *drift = drift_of(&s.arena, &families[0]->tensors, rows, count, &drifts);
  Verdict verdict = verdict_of(&families[0]->tensors, (VerdictSide){mode->name, mode},
                               (VerdictSide){mode->name, mode}, rows, count, drift, drifts,
                               s.model.layers, s.arena);
  cr_assert_str_eq(verdict.effect, "same_kernels");
  cr_assert_str_eq(verdict.first_tensor, "block_in");
}
