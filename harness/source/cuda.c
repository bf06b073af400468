#include "source/cuda.h"

#include <assert.h>
#include <string.h>

#include "base/ranks.h"
#include "family/block.h"

/* --- finding it ------------------------------------------------------------------------------- */

bool device_find(Backend wanted, const char *who, Device *device, Status *st) {
  char why[256];
  *device = (Device){0};
  if (wanted == BACKEND_CPU) return true;
  device->found = cuda_open(&device->cuda, ranks()->local, why);
  if (!device->found && wanted == BACKEND_CUDA) return FAIL(st, "%s: backend cuda: %s", who, why);
  return true;
}

/* --- a layer's place -------------------------------------------------------------------------- */

static size_t form_bytes(const Config *c, const WeightInfo *info, Format format) {
  if (info->form == FORM_GAIN && format == FORMAT_I8) return 0;
  const size_t bytes =
      info->form == FORM_LINEAR
          ? linear_cuda_packed_bytes(weight_rows(c, info), weight_cols(c, info), format)
          : weight_values(c, info) * format_size(format);
  return arena_lines(bytes);
}

/* A weight in one format in its room. */
static Prepared make_form(Device *d, int layer, int w, Format format, void *room) {
  const Config *c = &d->from->config;
  const WeightInfo *info = &c->family->weight[w];
  const int rows = weight_rows(c, info), cols = weight_cols(c, info);
  const double *values = d->made.layer[layer][w];
  const bool f32 = format == FORMAT_F32;
  const float scale = f32 ? 0 : d->maker.layers->grid[layer][w].scale;
  float *to = f32 ? room : NULL;
  int8_t *to8 = f32 ? NULL : room;
  if (info->form == FORM_GAIN && (!values || !f32)) return (Prepared){0};
  if (info->form != FORM_LINEAR) {
    prepare_values(&d->cuda, values, weight_values(c, info), scale, to, to8);
    return (Prepared){.values = tensor_of(room, format, rows, cols, scale)};
  }
  prepare_linear(&d->cuda, values, rows, cols, scale, to, to8);
  return (Prepared){.linear = {.out = rows,
                               .in = cols,
                               .format = format,
                               .scale = scale,
                               .panels = room,
                               .name = d->maker.layers->name[w]}};
}

/* Those that are asked for and not there, each in its room; all have one. Without a layer it is
 * only seen how much room they take. */
static size_t make_forms(Device *d, int layer, Forms make) {
  const Config *c = &d->from->config;
  ModelLayer *there = layer == ABSENT ? NULL : &d->model.layer[layer];
  char *const start = there ? d->place[layer % d->places].room : NULL;
  size_t at = 0;
  for (int w = 0; w < c->family->weights; w++) {
    const WeightInfo *info = &c->family->weight[w];
    if (there && make.f32 >> w & 1) there->f32[w] = make_form(d, layer, w, FORMAT_F32, start + at);
    if (d->forms.f32 >> w & 1) at += form_bytes(c, info, FORMAT_F32);
    if (there && make.i8 >> w & 1) there->i8[w] = make_form(d, layer, w, FORMAT_I8, start + at);
    if (d->forms.i8 >> w & 1) at += form_bytes(c, info, FORMAT_I8);
  }
  return at;
}

static bool make_layer(Device *d, int layer, const Forms *forms, Status *st) {
  DevicePlace *place = &d->place[layer % d->places];
  if (place->layer != layer) {
    if (place->layer != ABSENT) memset(&d->model.layer[place->layer], 0, sizeof *d->model.layer);
    *place = (DevicePlace){.room = place->room, .layer = layer};
  }
  const Forms make = {.f32 = forms->f32 & ~place->forms.f32, .i8 = forms->i8 & ~place->forms.i8};
  assert(!(make.f32 & ~d->forms.f32) && !(make.i8 & ~d->forms.i8));
  if (!make.f32 && !make.i8) return true;
  TRY(made_hold(&d->made, layer, st));
  cuda_ahead_after_operators(&d->cuda); /* which may read what is replaced */
  make_forms(d, layer, make);
  TRY(maker_wait(&d->maker, st));
  place->forms = forms_of_both(place->forms, make);
  return true;
}

static bool make_head(Device *d, Status *st) {
  TRY(maker_head(&d->maker, NULL, (float *)(void *)d->head, st));
  d->model.head = d->from->head;
  d->model.head.panels = d->head;
  return d->has_head = true;
}

/* A layer's weights in these forms in their place, where they are not there in them yet, and the
 * head where it is asked for. */
static bool hold_forms(Device *d, int layer, const Forms *forms, Status *st) {
  return make_layer(d, layer, forms, st) && (!forms->head || d->has_head || make_head(d, st));
}

bool device_hold_all(Device *d, Status *st) {
  Forms forms = d->forms;
  forms.head = true;
  if (d->places < d->from->layers)
    return FAIL(st,
                "%s: not all layers fit there at once, which what is timed or verified asks for",
                d->cuda.name);
  for (int layer = 0; layer < d->from->layers; layer++) TRY(hold_forms(d, layer, &forms, st));
  return device_wait(d, st);
}

/* --- filling it ------------------------------------------------------------------------------- */

static void make_places(Arena *arena, Arena *there, Device *d) {
  d->place = ARENA_NEW(arena, DevicePlace, d->places);
  for (int i = 0; i < d->places; i++)
    d->place[i] = (DevicePlace){.room = arena_room(there, d->place_bytes + 64, 1), .layer = ABSENT};
}

/* Layers in the modes' formats stay where there is room for all of them, then those in float64. */
static bool reserve(Arena *arena, const DevicePlan *plan, Device *d, Arena *there, Status *st) {
  const Config *c = &plan->model->config;
  const int two = c->layers < 2 ? c->layers : 2;
  const size_t gains = (size_t)c->D * sizeof(float) + 64,
               head = linear_cuda_packed_bytes(c->vocab, c->D, FORMAT_F32) + 64,
               fixed = (size_t)plan->T * sizeof(int32_t) + 64 + head + gains + plan->more + 4096,
               beside = plan->lanes + maker_bytes(plan->layers->checkpoint),
               free =
                   plan->most && plan->most < d->cuda.free_bytes ? plan->most : d->cuda.free_bytes,
               place = d->place_bytes + 128;
  d->places = c->layers;
  if (fixed + beside + made_bytes(c, two) + (size_t)d->places * place > free) d->places = two;
  const size_t all = fixed + (size_t)d->places * place;
  const bool stay = plan->reference && all + beside + made_bytes(c, c->layers) <= free;
  const int places64 = stay ? c->layers : two;
  if (all + beside + made_bytes(c, places64) > free || !(d->memory = cuda_reserve(&d->cuda, all)))
    return FAIL(st, "%s: the run needs %.2f GB there and %.2f GB are free (backend cpu needs none)",
                d->cuda.name, 1e-9 * (double)(all + beside + made_bytes(c, places64)),
                1e-9 * (double)free);
  *there = (Arena){.next = d->memory, .end = (char *)d->memory + all, .base = d->memory};
  return maker_open(&d->cuda, plan->layers, &d->maker, st) &&
         made_open(arena, &d->maker, plan->layers->rewrite, places64, &d->made, st);
}

bool device_load(Arena *arena, const DevicePlan *plan, Device *d, Status *st) {
  const Model *model = plan->model;
  Arena there;
  d->host = source_cpu(model);
  d->from = model;
  d->forms = plan->forms;
  d->place_bytes = make_forms(d, ABSENT, d->forms);
  TRY(reserve(arena, plan, d, &there, st));
  there.exhausted = arena->exhausted;
  make_places(arena, &there, d);
  d->model = *model;
  d->model.layer = ARENA_NEW(arena, ModelLayer, model->layers);
  d->model.ops = &d->cuda.ops;
  d->head = arena_room(&there, linear_cuda_packed_bytes(model->vocab, model->D, FORMAT_F32), 1);
  d->model.head = (Linear){0}; /* before it is made */
  d->has_head = false;
  d->row = arena_room(&there, (size_t)plan->T, sizeof *d->row);
  int32_t *row = ARENA_NEW(arena, int32_t, plan->T);
  for (int t = 0; t < plan->T; t++) row[t] = t;
  cuda_to_device(&d->cuda, d->row, row, (size_t)plan->T * sizeof *row);
  if (model->norm_f) {
    float *norm_f = arena_room(&there, (size_t)model->D, sizeof *norm_f);
    cuda_to_device(&d->cuda, norm_f, model->norm_f, (size_t)model->D * sizeof *norm_f);
    d->model.norm_f = norm_f;
  }
  d->room = there;
  d->scratch = arena_carve(arena, (size_t)plan->T * (size_t)model->D * sizeof(double) + 64);
  return device_wait(d, st);
}

void device_free(Device *d) {
  for (int i = 0; i < LANES_MOST; i++) lane_free(&d->cuda, &d->lane[i]);
  made_free(&d->made);
  maker_free(&d->maker);
  if (d->memory) cuda_release(&d->cuda, d->memory);
  cuda_close(&d->cuda);
  *d = (Device){.found = d->found, .cuda = d->cuda};
}

bool device_wait(Device *d, Status *st) {
  char why[256];
  for (int i = 0; i < LANES_MOST; i++) d->lane[i].on_way[0] = d->lane[i].on_way[1] = false;
  return cuda_wait(&d->cuda, why) || FAIL(st, "%s: %s", d->cuda.name, why);
}

/* --- lanes ------------------------------------------------------------------------------------ */

/* One that was closed and is as large as this one must be, or whose turn to be replaced it is: one
 * of its kind that is too small, else one that has nothing. */
static int closed_lane(const Device *d, const Config *config, Format stream, int T,
                       TensorSet back) {
  int found = -1, best = -1;
  for (int i = 0; i < LANES_MOST; i++) {
    const Lane *lane = &d->lane[i];
    if (lane->open) continue;
    if (lane_fits(lane, config, stream, T, back)) return i;
    const int rank = !lane->memory ? 1 : lane->stream == stream ? 2 : 0;
    if (rank > best) best = rank, found = i;
  }
  return found;
}

int device_lane(Device *d, const Config *config, Format stream, int T, TensorSet back, Status *st) {
  const int lane = closed_lane(d, config, stream, T, back);
  const bool opened =
      lane >= 0
          ? lane_open(&d->cuda, config, stream, T, back, d->room.exhausted, &d->lane[lane], st)
          : FAIL(st, "%s: at most %d sides at once", d->cuda.name, LANES_MOST);
  return opened ? lane : -1;
}

int device_lanes_left(Device *d, const Config *config, Format stream, int T, TensorSet back) {
  const size_t margin = (size_t)64 << 20; /* for what the driver takes beside them */
  size_t there = 0, none = 0;
  for (int i = 0; i < LANES_MOST; i++) {
    const Lane *lane = &d->lane[i];
    there += !lane->open && lane_fits(lane, config, stream, T, back);
    none += !lane->open && !lane->memory;
  }
  cuda_look(&d->cuda);
  const size_t free = d->cuda.free_bytes,
               room = free > margin ? (free - margin) / lane_bytes(config, stream, T) : 0;
  return (int)(there + (none < room ? none : room));
}

static void rows(const void *context, const int32_t *token, int T, void *host) {
  const Device *d = context;
  block_embedding_rows(d->from, token, T, host, d->scratch);
}

static void embed_there(const void *context, const void *embedding, int T, Arena *room,
                        Trace *ends) {
  const Device *d = context;
  block_embed_rows(&d->model, embedding, d->row, T, room, ends);
}

static void block_there(const void *context, int layer, const Mode *mode, const Tensor *x,
                        Arena *room, Trace *trace) {
  const Device *d = context;
  block_run(&d->model, layer, mode, x, room, trace);
}

static void head_there(const void *context, const Tensor *x, Arena *room, Trace *ends) {
  const Device *d = context;
  block_head(&d->model, x, room, ends);
}

static LaneWork work_of(const Device *d, bool head) {
  return (LaneWork){.context = d,
                    .config = &d->from->config,
                    .rows = rows,
                    .embed = embed_there,
                    .block = block_there,
                    .head = head ? head_there : NULL};
}

static void queue_layer(Device *d, int lane, const SourceStep *step) {
  const LaneWork work = work_of(d, step->head);
  lane_queue(&d->cuda, &d->lane[lane], &work, step->mode, step->layer);
}

void device_begin(Device *d, int lane, const int32_t *token, int T) {
  const LaneWork work = work_of(d, false);
  lane_begin(&d->cuda, &d->lane[lane], &work, token, T);
}

size_t device_pass(Device *d, int lane, const Mode *mode, bool back) {
  size_t bytes = 0;
  for (int layer = 0; layer < d->model.layers; layer++) {
    queue_layer(d, lane,
                &(SourceStep){.mode = mode, .layer = layer, .head = layer + 1 == d->model.layers});
    if (back) bytes += lane_bring(&d->cuda, &d->lane[lane], TENSORS_ALL);
  }
  return bytes;
}

/* --- as a source ------------------------------------------------------------------------------ */

static Device *device_of(const Source *source) { return source->context; }

static int open_lane(const Source *source, int T, TensorSet back, Status *st) {
  Device *d = device_of(source);
  return device_lane(d, &d->from->config, FORMAT_F32, T, back, st);
}

static void close_lane(const Source *source, int lane) {
  device_of(source)->lane[lane].open = false;
}

static bool has(const Source *source, int layer, const Forms *forms) {
  const Device *d = device_of(source);
  const DevicePlace *place = &d->place[layer % d->places];
  return place->layer == layer && !(forms->f32 & ~place->forms.f32) &&
         !(forms->i8 & ~place->forms.i8) && (!forms->head || d->has_head);
}

static bool hold(const Source *source, int layer, const Forms *forms, Status *st) {
  return hold_forms(device_of(source), layer, forms, st);
}

static void queue(const Source *source, int lane, const SourceStep *step) {
  Device *d = device_of(source);
  if (step->layer == 0)
    device_begin(d, lane, step->prompt->token, step->prompt->T);
  else if (step->stream)
    lane_resume(&d->cuda, &d->lane[lane], step->stream);
  queue_layer(d, lane, step);
}

static const Trace *there(const Source *source, int lane) {
  return &device_of(source)->lane[lane].queued;
}

static void bring(const Source *source, int lane, TensorSet back) {
  Device *d = device_of(source);
  lane_bring(&d->cuda, &d->lane[lane], back);
}

static bool wait(const Source *source, Status *st) { return device_wait(device_of(source), st); }

static double take(const Source *source, int lane, Trace *trace) {
  Device *d = device_of(source);
  return lane_take(&d->cuda, &d->lane[lane], trace);
}

Source source_cuda(Device *device) {
  static const SourceAhead ahead = {open_lane, close_lane, has,  hold, queue,
                                    there,     bring,      wait, take};
  return lane_source(&device->host, device, &ahead);
}
