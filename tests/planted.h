/* planted: the shipped model's first layers, with one value changed behind the operator that made
 * it, in one layer of one mode, at a place that the test draws. */
#ifndef DS_TESTS_PLANTED_H
#define DS_TESTS_PLANTED_H
#include "family/family.h"
#include "family/mamba1.h"
#include "shipped_model.h"

/* Where values are made: the operator, which of its outputs, and the linear. */
static const struct {
  int tensor;
  OpKind kind;
  int out;
  const char *linear;
} makers[] = {{T_NORM, OP_RMSNORM, 0, NULL},        {T_IN_PROJ, OP_LINEAR, 0, "in_proj"},
              {T_CONV1D_SILU, OP_CONV1D, 1, NULL},  {T_X_PROJ, OP_LINEAR, 0, "x_proj"},
              {T_DT_PROJ, OP_LINEAR, 0, "dt_proj"}, {T_GATED, OP_SCAN, 2, NULL},
              {T_OUT_PROJ_IN, OP_HADAMARD, 0, NULL}};
enum { MAKERS = sizeof makers / sizeof *makers };

static struct {
  bool planted;
  int maker, layer, row, col;
  int rows;                             /* of the prompt it is for; 0: whichever */
  const char *mode;                     /* NULL: whichever */
  void (*change)(Tensor *t, size_t at); /* the element of its memory */
  bool here;                            /* the block that runs is the layer of the plant */
} plant;

static void run_planted(void *context, Call *call) {
  (void)context;
  ops_cpu.run(ops_cpu.context, call);
  const char *name = call->kind == OP_LINEAR ? call->linear.name : NULL,
             *want = makers[plant.maker].linear;
  if (!plant.planted || !plant.here || call->kind != makers[plant.maker].kind) return;
  if (want && !(name && !strcmp(want, name))) return;
  Tensor *t = call->out[makers[plant.maker].out];
  if (plant.row >= t->rows || (plant.rows && plant.rows != t->rows)) return;
  plant.change(t, (size_t)plant.row * (size_t)t->stride + (size_t)plant.col);
}

static void block_planted(const Model *model, int layer, const Mode *mode, const Tensor *x,
                          Arena *arena, Trace *trace) {
  plant.here = layer == plant.layer && (!plant.mode || !strcmp(plant.mode, mode->name));
  family_mamba1.block(model, layer, mode, x, arena, trace);
}

static Family planted_family;
static Ops planted_ops = {.backend = "cpu", .run = run_planted};

/* The first layers of it, calibrated, so that every mode's calls go by the plant. */
static inline Shipped planted_model(int layers) {
  Shipped s = shipped_first(REWRITE_QUAMBA, layers);
  shipped_calibrate(&s, 4, 256);
  planted_family = family_mamba1;
  planted_family.block = block_planted;
  s.model.config.family = &planted_family;
  s.model.ops = &planted_ops;
  return s;
}

#endif
