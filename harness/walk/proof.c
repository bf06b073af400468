/* proof: sides of a walk that is moved on by the layers as they are held. */
#include "walk/proof.h"

#include <math.h>
#include <string.h>

#include "base/number.h"
#include "family/block.h"
#include "model/rewrite.h"
#include "reference/model64.h"

static const double proof_limit =
    1e-10; /* float64 rounding through all layers stays some 1e4 below */

/* Sides of the walk: the weights as they are, and rewritten. */
enum { PLAIN, REWRITTEN, PROVED };

/* A rider: both forms of the reference on the head of the first prompt, to the last layer; the
 * head behind it on this host, also where there is a device. */
typedef struct Proof {
  Subject *subject;
  Arena arena, scratch;
  Weights64 plain;            /* of one layer at a time */
  double *room[WEIGHTS_MOST]; /* here; where there is a device, they are made there: */
  MadeLayers made;
  Device64 there;
  WalkSide side[PROVED];
  PromptShape head;
  Visitor visitor;
  Walk walk;
  WalkRun *run;
} Proof;

/* ||a - b|| / ||a||; 0 where they are equal, also to 0. Not a number stays what it is. */
static double difference(const double *a, const double *b, size_t n) {
  double error = 0, size = 0;
  for (size_t i = 0; i < n; i++) {
    error += (a[i] - b[i]) * (a[i] - b[i]);
    size += a[i] * a[i];
  }
  return error > 0 ? sqrt(error / size) : error;
}

static bool prove(const Subject *subject, double found, const char *what, const WalkPlace *at,
                  Status *st) {
  if (isnan(found))
    return FAIL(st,
                "%s: the rewrite cannot be proved: the float64 %s of the first %d tokens of prompt "
                "'%s' is not finite",
                subject->checkpoint.folder, what, at->shape->T, at->shape->name);
  return found <= proof_limit ||
         FAIL(st,
              "%s: the rewrite changes the model: the float64 %s of the first %d token%s of prompt "
              "'%s' differ by %.3g relative with and without it; at most %.0e is rounding",
              subject->checkpoint.folder, what, at->shape->T, plural(at->shape->T), at->shape->name,
              found, proof_limit);
}

/* How far the rewritten tensor is from the plain one, undone as the family says of it. */
static double undone_difference(Basis basis, const Tensor *plain, const Tensor *rewritten,
                                Arena scratch) {
  const size_t n = tensor_elements(plain);
  if (basis == BASIS_KEPT) return difference(plain->data, rewritten->data, n);
  double *back = memcpy(ARENA_NEW(&scratch, double, n), rewritten->data, n * sizeof(double));
  hadamard64_back(back, plain->rows, plain->cols);
  return difference(plain->data, back, n);
}

/* Every tensor of the rewritten model is the plain one, or that rotated: x' = x H / sqrt(columns),
 * but for norms, whose gain is elsewhere. */
static bool prove_tensors(Subject *subject, const WalkPlace *at, const Trace *plain,
                          const Trace *rewritten, Arena scratch, Status *st) {
  const Tensors *tensors = &subject->checkpoint.config.family->tensors;
  for (int id = 0; id < tensors->count; id++) {
    const TensorInfo *info = &tensors->info[id];
    const Tensor *a = &plain->t[id], *b = &rewritten->t[id];
    if (!a->data || !b->data || info->basis == BASIS_FOLDED) continue;
    const double found = undone_difference(info->basis, a, b, scratch);
    if (info->role == ROLE_LOGITS) subject->rewrite_proof = found;
    TRY(prove(subject, found,
              id < tensors->layer ? arena_printf(&scratch, "%s of layer %d", info->name, at->layer)
                                  : info->name,
              at, st));
  }
  return true;
}

static bool prove_layer(void *context, const WalkPlace *at, const Trace *trace, Arena scratch,
                        Status *st) {
  Proof *proof = context;
  Subject *subject = proof->subject;
  TRY(prove_tensors(subject, at, &trace[PLAIN], &trace[REWRITTEN], scratch, st));
  if (at->layer + 1 < subject->model.layers) return true;
  Trace end[PROVED] = {{0}, {0}};
  const Source host[PROVED] = {source_ref64(&proof->plain), source_ref64(&subject->weights)};
  for (int s = 0; s < PROVED; s++)
    host[s].head(&host[s], trace_role_of(&trace[s], ROLE_BLOCK_OUT), &scratch, &end[s]);
  return prove_tensors(subject, at, &end[PLAIN], &end[REWRITTEN], scratch, st);
}

static bool ride_proof(void *context, int layer, Status *st) {
  Proof *proof = context;
  const Checkpoint *checkpoint = &proof->subject->checkpoint;
  const bool there = proof->subject->device != NULL;
  const double start = clock_s();
  if (!there)
    TRY(rewrite_layer(checkpoint, REWRITE_NONE, layer, proof->room, proof->plain.layer[layer], st));
  TRY(walk_layer(proof->run, layer, proof->scratch, st));
  memset(proof->plain.layer[layer], 0, sizeof *proof->plain.layer);
  if (layer == checkpoint->config.layers - 1) {
    if (there) device64_free(&proof->there), made_free(&proof->made);
    arena_give_back(&proof->arena);
  }
  proof->subject->proof_s += clock_s() - start;
  return true;
}

static void plain_rows(const void *context, int end, int first, int rows, double *out) {
  rewrite_rows(context, REWRITE_NONE, NULL, end, first, rows, out);
}

/* The weights as they stand in the checkpoint, but for those of layers. */
static Weights64 plain_weights(Arena *arena, const Checkpoint *checkpoint) {
  const Weight *norm = &checkpoint->end[END_NORM];
  double *gain = ARENA_NEW(arena, double, norm->count);
  weight_range_to_f64(norm, 0, norm->count, gain);
  Weights64 plain = {.ops = &ops64_cpu,
                     .config = checkpoint->config,
                     .norm_f = gain,
                     .ends = {checkpoint, plain_rows}};
  plain.layer = arena_alloc(arena, (size_t)checkpoint->config.layers, sizeof *plain.layer);
  return plain;
}

static int proof_tokens(const Subject *subject) {
  return subject->prompt[0].T < PROOF_TOKENS ? subject->prompt[0].T : PROOF_TOKENS;
}

/* A layer and some rows of the head in float64, both sides' traces and streams. */
static size_t bytes_at(const Config *c, int T) {
  return family_layer_values(c) * sizeof(double) + block_logits64_bytes(c) +
         2 * (size_t)c->D * sizeof(double) + (size_t)T * (size_t)family_widest(c) * sizeof(double) +
         walk_bytes(2 * block_bytes(c, T), T, c->D, PROVED, PROVED) +
         (size_t)c->layers * sizeof(double *[WEIGHTS_MOST]) + ((size_t)1 << 16);
}

size_t proof_there_bytes(const Config *c) {
  return made_bytes(c, 1) + device64_bytes(c, false) +
         PROVED * lane_bytes(c, FORMAT_F64, PROOF_TOKENS);
}

/* Who computes it; the plain weights are made where it does. */
static bool prove_there(Arena *arena, Proof *proof, Status *st) {
  Subject *subject = proof->subject;
  const Config *c = &subject->checkpoint.config;
  proof->side[PLAIN] = proof->side[REWRITTEN] = (WalkSide){.layers = c->layers};
  proof->side[PLAIN].source = source_ref64(&proof->plain);
  proof->side[REWRITTEN].source = subject_reference(subject);
  if (!subject->device) {
    for (int w = 0; w < c->family->weights; w++)
      proof->room[w] =
          arena_room(&proof->scratch, weight_values(c, &c->family->weight[w]), sizeof(double));
    return true;
  }
  TRY(made_open(arena, &subject->device->maker, REWRITE_NONE, 1, &proof->made, st));
  TRY(device64_load(subject->device, &proof->plain, &proof->made, false, &proof->there, st));
  proof->side[PLAIN].source = source_cuda64(&proof->there);
  return true;
}

/* By the first prompt, or where tasks stand alone by a made token. */
static bool is_proved(const Spec *spec) {
  return spec->rewrite != REWRITE_NONE && (spec->prompt_count || spec->evaluation.task_count);
}

bool proof_ride(Arena *arena, const Spec *spec, Subject *subject, Status *st) {
  if (!is_proved(spec)) return true;
  const Config *c = &subject->checkpoint.config;
  Proof *proof = ARENA_NEW(arena, Proof, 1);
  *proof = (Proof){.subject = subject, .head = subject->prompt[0]};
  proof->head.T = proof_tokens(subject);
  proof->scratch = proof->arena = arena_carve(arena, bytes_at(c, proof->head.T));
  proof->plain = plain_weights(&proof->scratch, &subject->checkpoint);
  TRY(prove_there(arena, proof, st));
  proof->visitor = (Visitor){.context = proof, .layer = prove_layer};
  proof->walk = subject_walk(subject, proof->side, PROVED, &proof->head, 1);
  proof->walk.visitor = &proof->visitor;
  proof->walk.visitors = 1;
  const Forms forms = {.f64 = !subject->device};
  layers_ride(subject->layers, &(Rider){.context = proof, .forms = forms, .ride = ride_proof});
  return walk_begin(&proof->scratch, &proof->walk, &proof->run, st);
}

size_t proof_bytes(const Spec *spec, const Config *config) {
  return is_proved(spec) ? bytes_at(config, PROOF_TOKENS) : 0;
}
