#include "model/layers.h"

#include <assert.h>
#include <string.h>

#include "base/progress.h"
#include "model/rewrite.h"
#include "model/weight.h"

/* Rows of the head that are packed at a time: whole panels of every operator. */
enum { HEAD_PACKED = 2048 };

/* Layers in float64 stay up to so many bytes. Made again, all of the 130M shape take less than 0.6
 * s on two cores, where the reference then takes 1.2 s for 171 tokens. */
static const size_t stay64_bytes = (size_t)256 << 20;

/* --- sizes ------------------------------------------------------------------------------------ */

/* Of a layer: its weights in the modes' two formats, as far as they are asked for. */
static size_t prepared_of(const Config *c, unsigned f32, unsigned i8) {
  size_t bytes = 0;
  for (int w = 0; w < c->family->weights; w++) {
    if (f32 >> w & 1) bytes += prepared_bytes(c, &c->family->weight[w], FORMAT_F32);
    if (i8 >> w & 1) bytes += prepared_bytes(c, &c->family->weight[w], FORMAT_I8);
  }
  return bytes;
}

static size_t head_bytes(const Config *c) {
  return prepared_bytes(c, &c->family->end[END_HEAD], FORMAT_F32);
}

/* Preparing a weight, or some rows of the head; or rows of the head in float64 for the
 * reference. */
static size_t scratch_bytes(const Config *c) {
  const size_t head = (size_t)HEAD_PACKED * (size_t)c->D * (sizeof(double) + sizeof(float)) + 128,
               layer = model_prepare_bytes(c);
  return (head > layer ? head : layer) + 4096;
}

size_t layers_least_bytes(const Config *c, const Forms *forms, int together) {
  const size_t places =
      (size_t)together * (family_layer64_bytes(c) + prepared_of(c, forms->f32, forms->i8));
  return places + scratch_bytes(c) + (forms->head ? head_bytes(c) : 0);
}

static bool stays64(const Config *c, const Forms *forms) {
  return forms->f64 && (size_t)c->layers * family_layer64_bytes(c) <= stay64_bytes;
}

size_t layers_stay_bytes(const Config *c, const Forms *forms) {
  const size_t layer =
      prepared_of(c, forms->f32, forms->i8) + (stays64(c, forms) ? family_layer64_bytes(c) : 0);
  return (size_t)(c->layers - 1) * layer;
}

/* --- what is held ----------------------------------------------------------------------------- */

static const Family *family_of(const Layers *l) { return l->checkpoint->config.family; }

static int place_of(const Layers *l, int layer) { return layer % l->places; }

static void let_go(Layers *l, int place) {
  const int layer = l->held[place];
  if (layer < 0) return;
  memset(&l->model.layer[layer], 0, sizeof *l->model.layer);
  l->f32[layer] = l->i8[layer] = 0;
  l->held[place] = -1;
}

static void let_go64(Layers *l, int place) {
  if (l->held64[place] >= 0)
    memset(l->weights.layer[l->held64[place]], 0, sizeof *l->weights.layer);
  l->held64[place] = -1;
}

/* --- preparing -------------------------------------------------------------------------------- */

static bool make64(Layers *l, int layer, Status *st) {
  const Config *c = &l->checkpoint->config;
  const int place = layer % l->places64;
  double *room[WEIGHTS_MOST];
  char *at = l->room64 + (size_t)place * l->bytes64;
  if (l->held64[place] == layer) return true;
  let_go64(l, place);
  TRY(checkpoint_check(l->checkpoint, st));
  for (int w = 0; w < family_of(l)->weights; w++) {
    room[w] = (double *)(void *)at;
    at += arena_lines(weight_values(c, &family_of(l)->weight[w]) * sizeof(double));
  }
  TRY(rewrite_layer(l->checkpoint, l->rewrite, layer, room, l->weights.layer[layer], st));
  l->held64[place] = layer;
  for (int w = 0; layer + 1 < c->layers && w < family_of(l)->weights; w++) {
    const Weight *next = &l->checkpoint->layer[layer + 1][w];
    if (next->data) weight_ahead(next, 0, next->count);
  }
  return true;
}

bool layers_refuse(Layers *l, int layer, Status *st) {
  TRY(make64(l, layer, st));
  return FAIL(st, "%s: layer %d: its weights were made otherwise on a device",
              l->checkpoint->folder, layer);
}

static char *cut(char **at, size_t bytes) {
  char *room = *at;
  *at += bytes;
  return room;
}

/* Where the formats of a layer's weights stand: each has its room, whether it is made or not. */
static void rooms_of(const Layers *l, int layer, PreparedRoom room[WEIGHTS_MOST]) {
  const Config *c = &l->checkpoint->config;
  char *at = l->room + (size_t)place_of(l, layer) * l->bytes, *beside = l->beside.base;
  for (int w = 0; w < family_of(l)->weights; w++) {
    const WeightInfo *info = &family_of(l)->weight[w];
    room[w] = (PreparedRoom){.name = l->name[w]};
    room[w].f32 = cut(l->own.f32 >> w & 1 ? &at : &beside, prepared_bytes(c, info, FORMAT_F32));
    room[w].i8 = cut(l->own.i8 >> w & 1 ? &at : &beside, prepared_bytes(c, info, FORMAT_I8));
  }
}

/* What a place has no room for, of the one layer that has it. */
static void let_go_beside(Layers *l) {
  const int layer = l->has_beside;
  if (layer < 0) return;
  for (int w = 0; w < family_of(l)->weights; w++) {
    if (!(l->own.f32 >> w & 1)) l->model.layer[layer].f32[w] = (Prepared){0};
    if (!(l->own.i8 >> w & 1)) l->model.layer[layer].i8[w] = (Prepared){0};
  }
  l->f32[layer] &= l->own.f32;
  l->i8[layer] &= l->own.i8;
  l->has_beside = -1;
}

static void make_formats(Layers *l, int layer, unsigned f32, unsigned i8) {
  ModelLayer *to = &l->model.layer[layer];
  PreparedRoom room[WEIGHTS_MOST];
  rooms_of(l, layer, room);
  for (int w = 0; w < family_of(l)->weights; w++) {
    if (!(f32 >> w & 1)) room[w].f32 = NULL;
    if (!(i8 >> w & 1) || family_of(l)->weight[w].form == FORM_GAIN) room[w].i8 = NULL;
    if (room[w].f32 || room[w].i8)
      model_prepare(&l->checkpoint->config, &family_of(l)->weight[w], l->weights.layer[layer][w],
                    &room[w], &to->f32[w], &to->i8[w], &l->grid[layer][w], l->scratch);
  }
  l->f32[layer] |= f32;
  l->i8[layer] |= i8;
}

static void make_head(Layers *l) {
  const Config *c = &l->checkpoint->config;
  Arena scratch = l->scratch;
  double *wide = arena_room(&scratch, (size_t)HEAD_PACKED * (size_t)c->D, sizeof *wide);
  float *narrow = arena_room(&scratch, (size_t)HEAD_PACKED * (size_t)c->D, sizeof *narrow);
  for (int first = 0; first < c->vocab; first += HEAD_PACKED) {
    const int rows = c->vocab - first < HEAD_PACKED ? c->vocab - first : HEAD_PACKED;
    const size_t values = (size_t)rows * (size_t)c->D;
    l->weights.ends.take(l->weights.ends.context, END_HEAD, first, rows, wide);
#pragma omp parallel for
    for (size_t i = 0; i < values; i++) narrow[i] = (float)wide[i];
    linear_pack(narrow, rows, c->D, FORMAT_F32, 0,
                (char *)l->model.head.panels + linear_packed_bytes(first, c->D, FORMAT_F32));
  }
  l->has_head = true;
}

/* Of what is asked for, what is not there. */
static Forms missing(const Layers *l, int layer, const Forms *forms) {
  const bool has64 = l->held64[layer % l->places64] == layer;
  return (Forms){.f64 = forms->f64 && !has64,
                 .f32 = forms->f32 & ~l->f32[layer],
                 .i8 = forms->i8 & ~l->i8[layer],
                 .head = forms->head && !l->has_head};
}

static bool is_nothing(Forms forms) { return !forms.f64 && !forms.f32 && !forms.i8 && !forms.head; }

static bool prepare(Layers *l, int layer, const Forms *forms, Status *st) {
  const Forms make = missing(l, layer, forms);
  const int place = place_of(l, layer);
  if (is_nothing(make)) return true;
  const double start = clock_s();
  if (l->held[place] != layer) let_go(l, place);
  l->held[place] = layer;
  if (make.f64 || make.f32 || make.i8) TRY(make64(l, layer, st));
  if (((make.f32 & ~l->own.f32) || (make.i8 & ~l->own.i8)) && l->has_beside != layer) {
    let_go_beside(l);
    l->has_beside = layer;
  }
  make_formats(l, layer, make.f32, make.i8);
  if (make.head) {
    TRY(checkpoint_check(l->checkpoint, st));
    make_head(l);
  }
  l->prepare_s += clock_s() - start;
  return true;
}

bool layers_ready(const Layers *l, int layer, const Forms *forms) {
  return layer < l->ridden && is_nothing(missing(l, layer, forms));
}

/* --- riders ----------------------------------------------------------------------------------- */

void layers_ride(Layers *l, const Rider *rider) {
  assert(l->riders < RIDERS_MOST && l->ridden == 0);
  l->rider[l->riders++] = *rider;
}

static bool ride(Layers *l, int layer, Status *st) {
  Forms all = {0};
  if (!l->riders) return true;
  for (int i = 0; i < l->riders; i++) all = forms_of_both(all, l->rider[i].forms);
  TRY(prepare(l, layer, &all, st));
  for (int i = 0; i < l->riders; i++) TRY(l->rider[i].ride(l->rider[i].context, layer, st));
  let_go_beside(l); /* what only riders took */
  if (layer + 1 == l->model.layers) arena_give_back(&l->beside);
  return true;
}

bool layers_hold(Layers *l, int layer, const Forms *forms, Status *st) {
  for (; l->ridden <= layer; l->ridden++) TRY(ride(l, l->ridden, st));
  return prepare(l, layer, forms, st);
}

bool layers_ride_all(Layers *l, Status *st) {
  for (; l->ridden < l->model.layers; l->ridden++) TRY(ride(l, l->ridden, st));
  return true;
}

static bool all_stay(const Layers *l) { return l->places == l->model.layers; }

bool layers_stay(const Layers *l) { return l->once || all_stay(l); }

bool layers_hold_all(Layers *l, const Forms *forms, Status *st) {
  if (!all_stay(l)) {
    const size_t bytes =
        layers_least_bytes(&l->model.config, forms, 1) + layers_stay_bytes(&l->model.config, forms);
    return FAIL(st,
                "%s: its layers do not stay in memory, which what is timed asks for: they take "
                "%.2f GB (memory)",
                l->checkpoint->folder, 1e-9 * (double)bytes);
  }
  assert(!(forms->f32 & ~l->own.f32) && !(forms->i8 & ~l->own.i8));
  for (int layer = 0; layer < l->model.layers; layer++) TRY(layers_hold(l, layer, forms, st));
  return true;
}

static void give_back(void *room, size_t bytes) {
  arena_give_back(&(Arena){.base = room, .end = (char *)room + bytes});
}

void layers_leave(Layers *l) {
  const Config *c = &l->checkpoint->config;
  for (int i = 0; i < l->places; i++) let_go(l, i);
  for (int i = 0; i < l->places64; i++) let_go64(l, i);
  let_go_beside(l);
  l->has_head = false;
  give_back(l->room, (size_t)l->places * l->bytes);
  give_back(l->room64, (size_t)l->places64 * l->bytes64);
  give_back(l->model.head.panels, head_bytes(c));
  arena_give_back(&l->beside);
}

/* --- opening ---------------------------------------------------------------------------------- */

static void take_rows(const void *context, int end, int first, int rows, double *out) {
  const Layers *l = context;
  rewrite_rows(l->checkpoint, l->rewrite, l->gain, end, first, rows, out);
}

/* The last norm's gain: folded into the head, or an operator's own. */
static void take_norm(Arena *arena, Layers *l) {
  const Weight *norm = &l->checkpoint->end[END_NORM];
  double *gain = ARENA_NEW(arena, double, norm->count);
  weight_range_to_f64(norm, 0, norm->count, gain);
  if (l->rewrite == REWRITE_QUAMBA) {
    l->gain = gain;
    return;
  }
  float *rounded = ARENA_NEW(arena, float, norm->count);
  for (size_t i = 0; i < norm->count; i++) rounded[i] = (float)gain[i];
  l->weights.norm_f = gain;
  l->model.norm_f = rounded;
}

static void make_places(Arena *arena, const LayersPlan *plan, Layers *l) {
  const Config *c = &l->checkpoint->config;
  const int together = plan->together < c->layers ? plan->together : c->layers;
  const bool stay = !plan->once && layers_stay_bytes(c, &plan->forms) <= plan->memory;
  l->once = plan->once;
  l->places = stay ? c->layers : together;
  l->places64 = stay && stays64(c, &plan->forms) ? c->layers : together;
  l->own = stay ? plan->forms : (Forms){.f32 = UINT32_MAX, .i8 = UINT32_MAX};
  l->bytes = prepared_of(c, l->own.f32, l->own.i8);
  l->bytes64 = family_layer64_bytes(c);
  l->beside = arena_carve(arena, prepared_of(c, ~l->own.f32, ~l->own.i8));
  l->has_beside = -1;
  l->room =
      arena_room(arena, (size_t)l->places, l->bytes); /* no memory until something is put there */
  l->room64 = arena_room(arena, (size_t)l->places64, l->bytes64);
  l->held = ARENA_NEW(arena, int, l->places);
  l->held64 = ARENA_NEW(arena, int, l->places64);
  for (int i = 0; i < l->places; i++) l->held[i] = -1;
  for (int i = 0; i < l->places64; i++) l->held64[i] = -1;
  l->f32 = ARENA_NEW(arena, unsigned, c->layers);
  l->i8 = ARENA_NEW(arena, unsigned, c->layers);
}

bool layers_open(Arena *arena, const Checkpoint *checkpoint, Rewrite rewrite,
                 const LayersPlan *plan, Layers *l, Status *st) {
  const Config *c = &checkpoint->config;
  const bool rotate = rewrite == REWRITE_QUAMBA;
  TRY(model_check(c, st));
  TRY(rewrite_check(checkpoint, rewrite, *arena, st));
  *l = (Layers){.checkpoint = checkpoint, .rewrite = rewrite, .model = model_empty(c, rotate)};
  l->weights =
      (Weights64){.ops = &ops64_cpu, .config = *c, .hadamard = rotate, .ends = {l, take_rows}};
  l->weights.layer = arena_alloc(arena, (size_t)c->layers, sizeof *l->weights.layer);
  l->model.ends = l->weights.ends;
  l->model.layer = ARENA_NEW(arena, ModelLayer, c->layers);
  l->model.scales = ARENA_NEW(arena, LayerScales, c->layers);
  l->grid = arena_alloc(arena, (size_t)c->layers, sizeof *l->grid);
  for (int w = 0; w < c->family->weights; w++)
    l->name[w] = model_operator_name(arena, &c->family->weight[w]);
  take_norm(arena, l);
  l->model.head = (Linear){.out = c->vocab, .in = c->D, .format = FORMAT_F32, .name = "head"};
  l->model.head.panels = arena_room(arena, head_bytes(c), 1);
  make_places(arena, plan, l);
  l->scratch = arena_carve(arena, scratch_bytes(c));
  return true;
}
