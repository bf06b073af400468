#include "model/rewrite.h"

#include <math.h>

#include "kernels/hadamard.h"

_Static_assert((int)HADAMARD64_MAX_N == (int)HADAMARD_MAX_N, "what is rotated here, the operator rotates back");

static double *widened(Arena *arena, const Weight *weight) {
  double *values = ARENA_NEW(arena, double, weight->count);
  weight_to_f64(weight, values);
  return values;
}

/* Every row of [rows, cols] times gain [cols], column by column. */
static void fold_gain(double *matrix, int rows, int cols, const double *gain) {
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < cols; c++) matrix[(size_t)r * (size_t)cols + (size_t)c] *= gain[c];
}

/* Rotates the columns of [rows, cols]: the transform of every row of the transposed matrix. */
static void rotate_columns(double *matrix, int rows, int cols, Arena scratch) {
  double *transposed = ARENA_NEW(&scratch, double, (size_t)rows *(size_t)cols);
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < cols; c++)
      transposed[(size_t)c * (size_t)rows + (size_t)r] = matrix[(size_t)r * (size_t)cols + (size_t)c];
  hadamard64(transposed, cols, rows);
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < cols; c++)
      matrix[(size_t)r * (size_t)cols + (size_t)c] = transposed[(size_t)c * (size_t)rows + (size_t)r];
}

/* Folding and rotation may carry a value beyond float32, in which the modes hold it. */
static bool check_range(const Checkpoint *checkpoint, const Weight *weight, const double *value, Status *st) {
  for (size_t i = 0; i < weight->count; i++)
    if (!isfinite((float)value[i]))
      return FAIL(
          st,
          "%s: tensor '%.100s': element %zu is %.9g after the rewrite, which float32 cannot hold (rewrite: none "
          "leaves the weights as they are)",
          checkpoint->folder, weight->name, i, value[i]);
  return true;
}

size_t rewrite_bytes(const Config *c) {
  size_t D = (size_t)c->D, E = (size_t)c->E, N = (size_t)c->N, R = (size_t)c->R, K = (size_t)c->K;
  size_t layer = D + 2 * E * D + E * K + E + (R + 2 * N) * E + E * R + E + E * N + E + D * E;
  return 8 * ((size_t)c->layers * layer + D + 2 * (size_t)c->vocab * D);
}

bool rewrite_weights(Arena *arena, const Checkpoint *checkpoint, Rewrite rewrite, Model64 *weights, Status *st) {
  const Config *c = &checkpoint->config;
  bool rotate = rewrite == REWRITE_QUAMBA;
  if (rotate && (!hadamard64_factor(c->D) || !hadamard64_factor(c->E)))
    return FAIL(st,
                "%s: rewrite 'quamba' needs a Hadamard matrix for the widths %d and %d; there is one for 2^k, 12 2^k, "
                "20 2^k and 28 2^k up to %d (rewrite: none leaves the weights as they are)",
                checkpoint->folder, c->D, c->E, HADAMARD_MAX_N);

  double *embedding = widened(arena, &checkpoint->embedding);
  double *head = rotate || !c->tied ? widened(arena, &checkpoint->head) : embedding;
  double *norm_f = widened(arena, &checkpoint->norm_f);
  Layer64 *layers = ARENA_NEW(arena, Layer64, c->layers);
  *weights = (Model64){.D = c->D,
                       .E = c->E,
                       .N = c->N,
                       .R = c->R,
                       .K = c->K,
                       .layers = c->layers,
                       .vocab = c->vocab,
                       .eps = c->eps,
                       .hadamard = rotate,
                       .embedding = embedding,
                       .norm_f = norm_f,
                       .head = head,
                       .layer = layers};
  if (rotate) {
    fold_gain(head, c->vocab, c->D, norm_f);
    weights->norm_f = NULL;
    hadamard64(embedding, c->vocab, c->D);
    hadamard64(head, c->vocab, c->D);
    TRY(check_range(checkpoint, &checkpoint->embedding, embedding, st));
    TRY(check_range(checkpoint, &checkpoint->head, head, st));
  }

  for (int i = 0; i < c->layers; i++) {
    const CheckpointLayer *from = &checkpoint->layer[i];
    double *norm = widened(arena, &from->norm), *in_proj = widened(arena, &from->in_proj);
    double *out_proj = widened(arena, &from->out_proj);
    layers[i] = (Layer64){.norm = norm,
                          .in_proj = in_proj,
                          .conv_weight = widened(arena, &from->conv_weight),
                          .conv_bias = from->conv_bias.data ? widened(arena, &from->conv_bias) : NULL,
                          .x_proj = widened(arena, &from->x_proj),
                          .dt_proj = widened(arena, &from->dt_proj),
                          .dt_bias = widened(arena, &from->dt_bias),
                          .A_log = widened(arena, &from->A_log),
                          .D = widened(arena, &from->D),
                          .out_proj = out_proj};
    if (!rotate) continue;
    fold_gain(in_proj, 2 * c->E, c->D, norm);
    layers[i].norm = NULL;
    hadamard64(in_proj, 2 * c->E, c->D);
    hadamard64(out_proj, c->D, c->E);
    rotate_columns(out_proj, c->D, c->E, *arena);
    TRY(check_range(checkpoint, &from->in_proj, in_proj, st));
    TRY(check_range(checkpoint, &from->out_proj, out_proj, st));
  }
  return true;
}
