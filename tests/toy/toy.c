/* toy: the smallest family there can be, for tests/to_add.sh: a block is x + W norm(x), in float32
 * throughout. */
#include <string.h>

#include "family/block.h"
#include "family/family.h"
#include "reference/model64.h"
#include "reference/operators64.h"

extern const Family family_toy;

enum {
  T_BLOCK_IN,
  T_NORM,
  T_PRODUCT,
  T_BLOCK_OUT,
  T_LAYER,
  T_EMBEDDING = T_LAYER,
  T_NORM_F,
  T_LOGITS,
  T_COUNT
};
enum { DIM_D_MODEL = DIM_TOKEN + 1, DIM_VOCAB, DIM_COUNT };
enum { W_NORM, W_PRODUCT, W_COUNT };
enum { STAGE_PRODUCT, STAGE_COUNT };

static const TensorInfo tensors[T_COUNT] = {
    [T_BLOCK_IN] = {"block_in", "stream before the block", DIM_TOKEN, DIM_D_MODEL, ABSENT,
                    ROLE_BLOCK_IN},
    [T_NORM] = {"norm", "RMS norm of block_in", DIM_TOKEN, DIM_D_MODEL, ABSENT},
    [T_PRODUCT] = {"product", "what the block adds", DIM_TOKEN, DIM_D_MODEL, ABSENT, ROLE_ADDED},
    [T_BLOCK_OUT] = {"block_out", "stream after the block", DIM_TOKEN, DIM_D_MODEL, ABSENT,
                     ROLE_BLOCK_OUT},
    [T_EMBEDDING] = {"embedding", "embedding of the tokens", DIM_TOKEN, DIM_D_MODEL, ABSENT,
                     ROLE_EMBEDDING},
    [T_NORM_F] = {"norm_f", "final RMS norm", DIM_TOKEN, DIM_D_MODEL, ABSENT},
    [T_LOGITS] = {"logits", "logits over the vocabulary", DIM_TOKEN, DIM_VOCAB, ABSENT,
                  ROLE_LOGITS},
};

static const WeightInfo weights[W_COUNT] = {
    [W_NORM] = {"norm.weight", 1, {DIM_D_MODEL}, FORM_GAIN, ABSENT, 0, ABSENT, .fill = FILL_ONE},
    [W_PRODUCT] = {"product.weight",
                   2,
                   {DIM_D_MODEL, DIM_D_MODEL},
                   FORM_LINEAR,
                   ABSENT,
                   0,
                   W_NORM,
                   .rotate_in = true,
                   .rotate_out = true,
                   .fill = FILL_UNIFORM,
                   .inputs = DIM_D_MODEL},
};

static const Stage stages[STAGE_COUNT] = {{"product", {"f32"}, "the block's one product: float32"}};
static const Mode presets[] = {{"toy", &family_toy, {0}, NULL, 0}};

static int width(const Config *c, int dim) { return dim == DIM_VOCAB ? c->vocab : c->D; }
static bool mode_is_sound(const Mode *mode, Status *st) { return (void)mode, (void)st, true; }
static bool needs_no_scales(const Mode *mode) { return (void)mode, false; }
static const char *no_agreement(const Mode *base, const Mode *other) {
  return (void)base, (void)other, "";
}

static bool format_of(const Mode *mode, int id, Format *format) {
  return (void)mode, (void)id, *format = FORMAT_F32, true;
}

static const char *kernel_of(const Mode *mode, int id) {
  (void)mode;
  return id == T_NORM ? "rmsnorm f32->f32" : id == T_PRODUCT ? "linear f32*f32->f32" : NULL;
}

static Activations activations(const Model *model, const Mode *mode) {
  (void)mode;
  return (Activations){.total = 3 * 4 * (int64_t)model->D, .peak = 3 * 4 * (int64_t)model->D};
}

static int64_t no_state(const Model *model, const Mode *mode) { return (void)model, (void)mode, 0; }

/* --- the block -------------------------------------------------------------------------------- */

static Tensor *make(Trace *trace, int id, Format format, int rows, int cols, Arena *arena) {
  trace->family = &family_toy;
  trace->t[id] = tensor_of(arena_room(arena, (size_t)rows * (size_t)cols, format_size(format)),
                           format, rows, cols, 0);
  if (format == FORMAT_F64) trace->t[id].kernel = "reference f64";
  return &trace->t[id];
}

static void block(const Model *model, int layer, const Mode *mode, const Tensor *x, Arena *arena,
                  Trace *trace) {
  (void)mode;
  const Prepared *w = model->layer[layer].f32;
  *trace = (Trace){.family = &family_toy};
  trace->t[T_BLOCK_IN] = *x;
  for (int id = T_NORM; id <= T_BLOCK_OUT; id++)
    make(trace, id, FORMAT_F32, x->rows, model->D, arena);
  op_rmsnorm(model->ops, x, w[W_NORM].values.data, model->eps, &trace->t[T_NORM]);
  op_linear(model->ops, &w[W_PRODUCT].linear, &trace->t[T_NORM], &trace->t[T_PRODUCT]);
  op_residual_add(model->ops, x, &trace->t[T_PRODUCT], &trace->t[T_BLOCK_OUT]);
}

static void embed(const Model *model, const float *rows, const int32_t *row, int T, Arena *arena,
                  Trace *trace) {
  op_embedding(model->ops, rows, row, make(trace, T_EMBEDDING, FORMAT_F32, T, model->D, arena));
}

static void head(const Model *model, const Tensor *x, Arena *arena, Trace *trace) {
  op_rmsnorm(model->ops, x, model->norm_f, model->eps,
             make(trace, T_NORM_F, FORMAT_F32, x->rows, model->D, arena));
  op_linear(model->ops, &model->head, &trace->t[T_NORM_F],
            make(trace, T_LOGITS, FORMAT_F32, x->rows, model->vocab, arena));
}

static size_t block_room(const Config *c, int T) {
  return ((size_t)T * (5 * (size_t)c->D + (size_t)c->vocab)) * sizeof(float) + 8 * 64;
}

/* --- in float64 ------------------------------------------------------------------------------- */

static void block64_of(const Weights64 *w, int layer, const Tensor *x, Arena *arena, Trace *trace) {
  const int T = x->rows, D = w->config.D;
  *trace = (Trace){.family = &family_toy};
  trace->t[T_BLOCK_IN] = *x;
  for (int id = T_NORM; id <= T_BLOCK_OUT; id++) make(trace, id, FORMAT_F64, T, D, arena);
  const double *in = x->data, *product = trace->t[T_PRODUCT].data;
  double *out = trace->t[T_BLOCK_OUT].data;
  rmsnorm64(in, D, w->layer[layer][W_NORM], w->config.eps, T, D, trace->t[T_NORM].data, D);
  linear64(trace->t[T_NORM].data, D, T, D, w->layer[layer][W_PRODUCT], D, trace->t[T_PRODUCT].data,
           D);
  for (size_t i = 0; i < (size_t)T * (size_t)D; i++) out[i] = in[i] + product[i];
}

static void embed64_of(const Weights64 *w, const double *rows, int T, Arena *arena, Trace *trace) {
  const size_t values = (size_t)T * (size_t)w->config.D;
  memcpy(make(trace, T_EMBEDDING, FORMAT_F64, T, w->config.D, arena)->data, rows,
         values * sizeof *rows);
}

static void head64_of(const Weights64 *w, const Tensor *x, Arena *arena, Trace *trace) {
  const Config *c = &w->config;
  double *norm_f = make(trace, T_NORM_F, FORMAT_F64, x->rows, c->D, arena)->data;
  double *logits = make(trace, T_LOGITS, FORMAT_F64, x->rows, c->vocab, arena)->data;
  norm64(&ops64_cpu, x->data, w->norm_f, c->eps, x->rows, c->D, norm_f);
  block_logits64(w, norm_f, x->rows, logits, *arena);
}

static const WeightInfo ends[END_COUNT] = {
    [END_EMBEDDING] = {"embeddings.weight",
                       2,
                       {DIM_VOCAB, DIM_D_MODEL},
                       FORM_VALUES,
                       ABSENT,
                       0,
                       ABSENT,
                       .rotate_in = true},
    [END_NORM] = {"norm_f.weight", 1, {DIM_D_MODEL}, FORM_GAIN, ABSENT, 0, ABSENT},
    [END_HEAD] = {"lm_head.weight",
                  2,
                  {DIM_VOCAB, DIM_D_MODEL},
                  FORM_LINEAR,
                  ABSENT,
                  0,
                  END_NORM,
                  .rotate_in = true}};

const Family family_toy = {
    .name = "toy",
    .title = "a toy",
    .model_type = "toy",
    .architecture = "Toy",
    .tensors = {.info = tensors,
                .layer = T_LAYER,
                .count = T_COUNT,
                .all = T_COUNT,
                .dim = {"token", "d_model", "vocab"},
                .dims = DIM_COUNT},
    .stage = stages,
    .stages = STAGE_COUNT,
    .preset = presets,
    .presets = 1,
    .plain = presets,
    .weight = weights,
    .weights = W_COUNT,
    .end = ends,
    .prefix = "backbone.",
    .layer_name = "layers.%d.%s",
    .width = width,
    .mode_check = mode_is_sound,
    .mode_needs_scales = needs_no_scales,
    .agreement = no_agreement,
    .format = format_of,
    .kernel = kernel_of,
    .activations = activations,
    .state_bytes = no_state,
    .block = block,
    .embed = embed,
    .head = head,
    .block_bytes = block_room,
    .block64 = block64_of,
    .embed64 = embed64_of,
    .head64 = head64_of,
};
