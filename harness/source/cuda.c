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

/* Walks through the weights of a layer in the device's forms, in one order. Without `host` it is
 * only seen how much room they take. */
typedef struct Packing {
  const Device *device;
  Arena room; /* there */
  char *host; /* here, at the same offsets; NULL: nothing is packed */
  const char *base;
} Packing;

static char *here(const Packing *p, const void *there) {
  return p->host + ((const char *)there - p->base);
}

static void put_linear(Packing *p, const WeightInfo *info, Format format, const Linear *from,
                       Linear *there) {
  const Config *c = &p->device->from->config;
  void *panels = arena_room(
      &p->room, linear_cuda_packed_bytes(weight_rows(c, info), weight_cols(c, info), format), 1);
  if (!p->host || !from->panels) return;
  linear_cuda_pack(from, here(p, panels));
  *there = *from;
  there->panels = panels;
}

static void put_values(Packing *p, const WeightInfo *info, Format format, const Tensor *from,
                       Tensor *there) {
  const size_t bytes = weight_values(&p->device->from->config, info) * format_size(format);
  void *data = arena_room(&p->room, bytes, 1);
  if (!p->host || !from->data) return;
  memcpy(here(p, data), from->data, bytes);
  *there = *from;
  there->data = data;
}

static void put_format(Packing *p, Format format, unsigned weights, const Prepared *from,
                       Prepared *there) {
  const Family *family = p->device->from->config.family;
  for (int w = 0; w < family->weights; w++) {
    if (!(weights >> w & 1)) continue;
    if (family->weight[w].form == FORM_LINEAR)
      put_linear(p, &family->weight[w], format, &from[w].linear, &there[w].linear);
    else
      put_values(p, &family->weight[w], format, &from[w].values, &there[w].values);
  }
}

static void put_f32(Packing *p, const ModelLayer *from, ModelLayer *there) {
  put_format(p, FORMAT_F32, p->device->forms.f32, from->f32, there->f32);
}

static void put_i8(Packing *p, const ModelLayer *from, ModelLayer *there) {
  put_format(p, FORMAT_I8, p->device->forms.i8, from->i8, there->i8);
}

/* How much a layer takes there: in float32, from the start of its place; and in int8, behind it. */
static size_t part_bytes(const Device *d,
                         void (*put)(Packing *, const ModelLayer *, ModelLayer *)) {
  char *const start = (char *)4096;
  ModelLayer none = {0}, there;
  Packing look = {.device = d, .room = {.next = start, .end = (char *)(SIZE_MAX / 2)}};
  put(&look, &none, &there);
  return ((size_t)(look.room.next - start) + 127) / 64 * 64;
}

/* One part of a layer, all that the host holds of it, into its part of the place. */
static void send_part(Device *d, DevicePlace *place, size_t first, size_t bytes,
                      void (*put)(Packing *, const ModelLayer *, ModelLayer *), int layer) {
  Crate *crate = &d->crate[d->sent++ % 2];
  if (crate->to && crate->to->on_way) cuda_wait_mark(&d->cuda, crate->to->copied);
  char *at = place->room + first;
  Packing packing = {.device = d,
                     .room = {.next = at, .end = at + bytes, .base = at},
                     .host = crate->host,
                     .base = at};
  put(&packing, &d->from->layer[layer], &d->model.layer[layer]);
  cuda_to_device_ahead(&d->cuda, at, crate->host, bytes);
  cuda_mark_ahead(&d->cuda, place->copied);
  place->on_way = true;
  crate->to = place;
}

static void send_layer(Device *d, int layer, const Forms *forms) {
  DevicePlace *place = &d->place[layer % d->places];
  if (place->layer != layer) {
    memset(&d->model.layer[layer], 0, sizeof *d->model.layer);
    place->layer = layer;
    place->forms = (Forms){0};
  }
  if (forms->f32 & ~place->forms.f32) send_part(d, place, 0, d->f32_bytes, put_f32, layer);
  if (forms->i8 & ~place->forms.i8)
    send_part(d, place, d->f32_bytes, d->place_bytes - d->f32_bytes, put_i8, layer);
  place->forms = forms_of_both(place->forms, *forms);
}

static bool send_head(Device *d, Status *st) {
  const Linear *from = &d->from->head;
  const size_t bytes = linear_cuda_packed_bytes(from->out, from->in, from->format);
  Arena scratch = d->scratch;
  void *panels = arena_room(&scratch, bytes, 1);
  linear_cuda_pack(from, panels);
  cuda_to_device(&d->cuda, d->head, panels, bytes);
  d->model.head = *from;
  d->model.head.panels = d->head;
  d->has_head = true;
  TRY(device_wait(d, st));
  arena_give_back(&d->scratch);
  return true;
}

bool device_hold(Device *d, int layer, const Forms *forms, Status *st) {
  send_layer(d, layer, forms);
  return !forms->head || d->has_head || send_head(d, st);
}

bool device_hold_all(Device *d, Status *st) {
  const Forms forms = {.head = true};
  if (d->places < d->from->layers)
    return FAIL(st,
                "%s: not all layers fit there at once, which what is timed or verified asks for",
                d->cuda.name);
  for (int layer = 0; layer < d->from->layers; layer++) TRY(device_hold(d, layer, &forms, st));
  return device_wait(d, st);
}

/* --- filling it ------------------------------------------------------------------------------- */

/* What of an allocation is whose: there, and in pinned memory. */
typedef struct Rooms {
  Arena there, pinned;
} Rooms;

static void make_places(Arena *arena, Rooms *rooms, Device *d) {
  d->place = ARENA_NEW(arena, DevicePlace, d->places);
  for (int i = 0; i < 2; i++)
    d->crate[i] = (Crate){.host = arena_room(&rooms->pinned, d->place_bytes, 1)};
  for (int i = 0; i < d->places; i++) {
    d->place[i] = (DevicePlace){.layer = ABSENT, .copied = cuda_mark(&d->cuda)};
    d->place[i].room = arena_room(&rooms->there, d->place_bytes, 1);
  }
}

static bool reserve(const DevicePlan *plan, Device *d, Rooms *rooms, Status *st) {
  const Config *c = &plan->model->config;
  const size_t gains = (size_t)c->D * sizeof(float) + 64,
               head = linear_cuda_packed_bytes(c->vocab, c->D, FORMAT_F32) + 64,
               fixed = (size_t)plan->T * sizeof(int32_t) + 64 + head + gains + plan->more + 4096,
               free =
                   plan->most && plan->most < d->cuda.free_bytes ? plan->most : d->cuda.free_bytes;
  d->places = c->layers;
  if (fixed + plan->lanes + (size_t)d->places * d->place_bytes > free && c->layers > 2)
    d->places = 2;
  const size_t all = fixed + (size_t)d->places * d->place_bytes;
  if (all + plan->lanes > free || !(d->memory = cuda_reserve(&d->cuda, all)))
    return FAIL(st, "%s: the run needs %.2f GB there and %.2f GB are free (backend cpu needs none)",
                d->cuda.name, 1e-9 * (double)(all + plan->lanes), 1e-9 * (double)free);
  const size_t pinned = 2 * (d->place_bytes + 64);
  if (!(d->pinned = cuda_pinned(&d->cuda, pinned)))
    return FAIL(st, "memory: %.2f GB that the device may copy to cannot be had",
                1e-9 * (double)pinned);
  *rooms =
      (Rooms){.there = {.next = d->memory, .end = (char *)d->memory + all, .base = d->memory},
              .pinned = {.next = d->pinned, .end = (char *)d->pinned + pinned, .base = d->pinned}};
  return true;
}

bool device_load(Arena *arena, const DevicePlan *plan, Device *d, Status *st) {
  const Model *model = plan->model;
  Rooms rooms;
  d->host = source_cpu(model);
  d->from = model;
  d->forms = plan->forms;
  d->f32_bytes = part_bytes(d, put_f32);
  d->place_bytes = d->f32_bytes + part_bytes(d, put_i8);
  TRY(reserve(plan, d, &rooms, st));
  rooms.there.exhausted = rooms.pinned.exhausted = arena->exhausted;
  make_places(arena, &rooms, d);
  d->model = *model;
  d->model.layer = ARENA_NEW(arena, ModelLayer, model->layers);
  d->model.ops = &d->cuda.ops;
  d->head =
      arena_room(&rooms.there, linear_cuda_packed_bytes(model->vocab, model->D, FORMAT_F32), 1);
  d->model.head = (Linear){0}; /* before it is sent */
  d->has_head = false;
  d->row = arena_room(&rooms.there, (size_t)plan->T, sizeof *d->row);
  int32_t *row = ARENA_NEW(arena, int32_t, plan->T);
  for (int t = 0; t < plan->T; t++) row[t] = t;
  cuda_to_device(&d->cuda, d->row, row, (size_t)plan->T * sizeof *row);
  if (model->norm_f) {
    float *norm_f = arena_room(&rooms.there, (size_t)model->D, sizeof *norm_f);
    cuda_to_device(&d->cuda, norm_f, model->norm_f, (size_t)model->D * sizeof *norm_f);
    d->model.norm_f = norm_f;
  }
  d->room = rooms.there;
  const size_t rows = (size_t)plan->T * (size_t)model->D * sizeof(double),
               head = linear_cuda_packed_bytes(model->vocab, model->D, FORMAT_F32);
  d->scratch = arena_carve(arena, (rows > head ? rows : head) + 64);
  return device_wait(d, st);
}

void device_free(Device *d) {
  for (int i = 0; i < LANES_MOST; i++) lane_free(&d->cuda, &d->lane[i]);
  for (int i = 0; d->place && i < d->places; i++) cuda_unmark(&d->cuda, d->place[i].copied);
  if (d->memory) cuda_release(&d->cuda, d->memory);
  if (d->pinned) cuda_unpin(&d->cuda, d->pinned);
  cuda_close(&d->cuda);
  *d = (Device){.found = d->found, .cuda = d->cuda};
}

bool device_wait(Device *d, Status *st) {
  char why[256];
  for (int i = 0; i < LANES_MOST; i++) d->lane[i].on_way[0] = d->lane[i].on_way[1] = false;
  for (int i = 0; d->place && i < d->places; i++) d->place[i].on_way = false;
  return cuda_wait(&d->cuda, why) || FAIL(st, "%s: %s", d->cuda.name, why);
}

/* --- lanes ------------------------------------------------------------------------------------ */

/* One that was closed and is as large as this one must be, or whose turn to be replaced it is. */
static int closed_lane(const Device *d, Format stream, int T) {
  int found = -1;
  for (int i = 0; i < LANES_MOST; i++) {
    const Lane *lane = &d->lane[i];
    if (lane->open) continue;
    if (lane->memory && lane->stream == stream && lane->most >= T) return i;
    if (found < 0 || (d->lane[found].memory && !lane->memory)) found = i;
  }
  return found;
}

int device_lane(Device *d, const Config *config, Format stream, int T, TensorSet back, Status *st) {
  const int lane = closed_lane(d, stream, T);
  const bool opened =
      lane >= 0
          ? lane_open(&d->cuda, config, stream, T, back, d->room.exhausted, &d->lane[lane], st)
          : FAIL(st, "%s: at most %d sides at once", d->cuda.name, LANES_MOST);
  return opened ? lane : -1;
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

static size_t queue_layer(Device *d, int lane, const SourceStep *step, bool back) {
  const LaneWork work = work_of(d, step->head);
  const int layer = step->layer;
  const DevicePlace *weights = &d->place[layer % d->places];
  if (weights->on_way) cuda_operators_after(&d->cuda, weights->copied);
  return lane_queue(&d->cuda, &d->lane[lane], &work, step->mode, layer, back);
}

void device_begin(Device *d, int lane, const int32_t *token, int T) {
  const LaneWork work = work_of(d, false);
  lane_begin(&d->cuda, &d->lane[lane], &work, token, T);
}

size_t device_pass(Device *d, int lane, const Mode *mode, bool back) {
  size_t bytes = 0;
  for (int layer = 0; layer < d->model.layers; layer++)
    bytes += queue_layer(
        d, lane, &(SourceStep){.mode = mode, .layer = layer, .head = layer + 1 == d->model.layers},
        back);
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
  return device_hold(device_of(source), layer, forms, st);
}

static void queue(const Source *source, int lane, const SourceStep *step) {
  Device *d = device_of(source);
  if (step->layer == 0)
    device_begin(d, lane, step->prompt->token, step->prompt->T);
  else if (step->stream)
    lane_resume(&d->cuda, &d->lane[lane], step->stream);
  queue_layer(d, lane, step, true);
}

static const Trace *there(const Source *source, int lane) {
  return &device_of(source)->lane[lane].queued;
}

static bool wait(const Source *source, Status *st) { return device_wait(device_of(source), st); }

static double take(const Source *source, int lane, Trace *trace) {
  Device *d = device_of(source);
  return lane_take(&d->cuda, &d->lane[lane], trace);
}

Source source_cuda(Device *device) {
  static const SourceAhead ahead = {open_lane, close_lane, has, hold, queue, there, wait, take};
  return lane_source(&device->host, device, &ahead);
}
