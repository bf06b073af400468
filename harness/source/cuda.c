#include "source/cuda.h"

#include <assert.h>
#include <string.h>

#include "family/block.h"

/* --- finding it ------------------------------------------------------------------------------- */

bool device_find(Backend wanted, const char *who, Device *device, Status *st) {
  char why[256];
  *device = (Device){0};
  if (wanted == BACKEND_CPU) return true;
  device->found = cuda_open(&device->cuda, why);
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

static void put_layer(Packing *p, const ModelLayer *from, ModelLayer *there) {
  put_format(p, FORMAT_F32, p->device->forms.f32, from->f32, there->f32);
  put_format(p, FORMAT_I8, p->device->forms.i8, from->i8, there->i8);
}

static size_t layer_bytes(const Device *d) {
  char *const start = (char *)4096;
  ModelLayer none = {0}, there;
  Packing look = {.device = d, .room = {.next = start, .end = (char *)(SIZE_MAX / 2)}};
  put_layer(&look, &none, &there);
  return (size_t)(look.room.next - start) + 64;
}

static void send_layer(Device *d, int layer, const Forms *forms) {
  DevicePlace *place = &d->place[layer % d->places];
  const bool lacks = (forms->f32 & ~place->forms.f32) || (forms->i8 & ~place->forms.i8);
  if (place->layer == layer && !lacks) return;
  Crate *crate = &d->crate[d->sent++ % 2];
  if (crate->to && crate->to->on_way) cuda_wait_mark(&d->cuda, crate->to->copied);
  Packing packing = {
      .device = d,
      .room = {.next = place->room, .end = place->room + d->place_bytes, .base = place->room},
      .host = crate->host,
      .base = place->room};
  memset(&d->model.layer[layer], 0, sizeof *d->model.layer);
  put_layer(&packing, &d->from->layer[layer], &d->model.layer[layer]);
  cuda_to_device_ahead(&d->cuda, place->room, crate->host, d->place_bytes);
  cuda_mark_ahead(&d->cuda, place->copied);
  place->layer = layer;
  place->forms = *forms;
  place->on_way = true;
  crate->to = place;
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

static void make_lanes(Arena *arena, int T, Rooms *rooms, Device *d) {
  const size_t stream = (size_t)T * (size_t)d->from->D;
  d->lane = ARENA_NEW(arena, Lane, d->lanes);
  for (int i = 0; i < d->lanes; i++) {
    Lane *lane = &d->lane[i];
    lane->start = cuda_mark(&d->cuda);
    lane->done = cuda_mark(&d->cuda);
    lane->stream_room = arena_room(&rooms->there, stream, sizeof(float));
    lane->rows = arena_room(&rooms->there, stream, sizeof(float));
    lane->rows_host = arena_room(&rooms->pinned, stream, sizeof(float));
    for (int half = 0; half < 2; half++) {
      lane->copied[half] = cuda_mark(&d->cuda);
      lane->room[half] = arena_room(&rooms->there, d->lane_bytes, 1);
      lane->host[half] = arena_room(&rooms->pinned, d->lane_bytes, 1);
    }
  }
}

static void make_places(Arena *arena, Rooms *rooms, Device *d) {
  d->place = ARENA_NEW(arena, DevicePlace, d->places);
  for (int i = 0; i < 2; i++)
    d->crate[i] = (Crate){.host = arena_room(&rooms->pinned, d->place_bytes, 1)};
  for (int i = 0; i < d->places; i++) {
    d->place[i] = (DevicePlace){.layer = ABSENT, .copied = cuda_mark(&d->cuda)};
    d->place[i].room = arena_room(&rooms->there, d->place_bytes, 1);
  }
}

/* Bytes of the lanes there, or pinned; each piece starts at a cache line. */
static size_t lanes_bytes(const Device *d, size_t stream, int streams) {
  return (size_t)d->lanes * (2 * d->lane_bytes + (size_t)streams * (stream + 64));
}

static bool reserve(const DevicePlan *plan, Device *d, Rooms *rooms, Status *st) {
  const Config *c = &plan->model->config;
  const size_t stream = (size_t)plan->T * (size_t)c->D * sizeof(float),
               gains = (size_t)c->D * sizeof(float) + 64,
               head = linear_cuda_packed_bytes(c->vocab, c->D, FORMAT_F32) + 64,
               fixed = lanes_bytes(d, stream, 2) + (size_t)plan->T * sizeof(int32_t) + 64 + head +
                       gains + plan->more + 4096,
               free =
                   plan->most && plan->most < d->cuda.free_bytes ? plan->most : d->cuda.free_bytes;
  d->places = c->layers;
  if (fixed + (size_t)d->places * d->place_bytes > free && c->layers > 2) d->places = 2;
  const size_t all = fixed + (size_t)d->places * d->place_bytes;
  if (all > free || !(d->memory = cuda_reserve(&d->cuda, all)))
    return FAIL(st, "%s: the run needs %.2f GB there and %.2f GB are free (backend cpu needs none)",
                d->cuda.name, 1e-9 * (double)all, 1e-9 * (double)free);
  const size_t pinned = lanes_bytes(d, stream, 1) + 2 * (d->place_bytes + 64);
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
  d->lanes = plan->lanes;
  d->lane_bytes = (block_bytes(&model->config, plan->T) +
                   3 * (size_t)plan->T * (size_t)model->D * sizeof(float) + 4096) /
                  64 * 64;
  d->place_bytes = (layer_bytes(d) + 63) / 64 * 64;
  TRY(reserve(plan, d, &rooms, st));
  rooms.there.exhausted = rooms.pinned.exhausted = arena->exhausted;
  make_lanes(arena, plan->T, &rooms, d);
  make_places(arena, &rooms, d);
  d->model = *model;
  d->model.layer = ARENA_NEW(arena, ModelLayer, model->layers);
  d->model.ops = &d->cuda.ops;
  d->head =
      arena_room(&rooms.there, linear_cuda_packed_bytes(model->vocab, model->D, FORMAT_F32), 1);
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
  for (int i = 0; d->lane && i < d->lanes; i++) {
    cuda_unmark(&d->cuda, d->lane[i].start);
    cuda_unmark(&d->cuda, d->lane[i].done);
    for (int half = 0; half < 2; half++) cuda_unmark(&d->cuda, d->lane[i].copied[half]);
  }
  for (int i = 0; d->place && i < d->places; i++) cuda_unmark(&d->cuda, d->place[i].copied);
  if (d->memory) cuda_release(&d->cuda, d->memory);
  if (d->pinned) cuda_unpin(&d->cuda, d->pinned);
  cuda_close(&d->cuda);
  *d = (Device){.found = d->found, .cuda = d->cuda};
}

/* --- a lane ----------------------------------------------------------------------------------- */

void device_begin(Device *d, int i, const int32_t *token, int T) {
  Lane *lane = &d->lane[i];
  lane->T = T;
  block_embedding_rows(d->from, token, T, lane->rows_host, d->scratch);
  cuda_to_device(&d->cuda, lane->rows, lane->rows_host,
                 (size_t)T * (size_t)d->model.D * sizeof(float));
}

void device_resume(Device *d, int i, const Tensor *stream) {
  Lane *lane = &d->lane[i];
  lane->T = stream->rows;
  lane->stream = *stream;
  lane->stream.data = lane->stream_room;
  cuda_to_device(&d->cuda, lane->stream_room, stream->data,
                 (size_t)stream->rows * (size_t)stream->cols * sizeof(float));
}

size_t device_queue(Device *d, int i, const Mode *mode, int layer, bool back) {
  Lane *lane = &d->lane[i];
  const int half = lane->steps++ % 2;
  char *host = lane->host[half], *base = lane->room[half];
  Arena room = {
      .next = base, .end = base + d->lane_bytes, .base = base, .exhausted = d->room.exhausted};
  Trace ends = {0}, *trace = &lane->queued;
  size_t stream_back = 0;
  const DevicePlace *weights = &d->place[layer % d->places];
  if (lane->on_way[half])
    cuda_operators_after(&d->cuda, lane->copied[half]); /* the step that this one replaces */
  if (weights->on_way) cuda_operators_after(&d->cuda, weights->copied);
  cuda_mark_operators(&d->cuda, lane->start);
  lane->block_in = NULL;
  if (layer == 0) {
    block_embed_rows(&d->model, lane->rows, d->row, lane->T, &room, &ends);
    lane->stream = *trace_role(&ends, ROLE_EMBEDDING);
  } else { /* the stream stands elsewhere: here it is given a place for its way back alone */
    stream_back = (size_t)lane->T * (size_t)d->model.D * sizeof(float);
    char *place = arena_room(&room, stream_back, 1);
    lane->block_in = host + (place - base);
    if (back) cuda_to_host(&d->cuda, lane->block_in, lane->stream.data, stream_back);
  }
  char *made = layer == 0 ? base : room.next;
  block_run(&d->model, layer, mode, &lane->stream, &room, trace);
  lane->stream = *trace_role(trace, ROLE_BLOCK_OUT);
  if (layer == d->model.layers - 1) block_head(&d->model, &lane->stream, &room, &ends);
  cuda_mark_operators(&d->cuda, lane->done);
  trace_add_ends(trace, &ends);
  if (!back) return 0;
  cuda_to_host(&d->cuda, host + (made - base), made, (size_t)(room.next - made));
  cuda_mark_copies(&d->cuda, lane->copied[half]);
  lane->on_way[half] = true;
  return (size_t)(room.next - made) + stream_back;
}

bool device_wait(Device *d, Status *st) {
  char why[256];
  for (int i = 0; d->lane && i < d->lanes; i++) d->lane[i].on_way[0] = d->lane[i].on_way[1] = false;
  for (int i = 0; d->place && i < d->places; i++) d->place[i].on_way = false;
  return cuda_wait(&d->cuda, why) || FAIL(st, "%s: %s", d->cuda.name, why);
}

double device_take(Device *d, int i, Trace *trace) {
  const Lane *lane = &d->lane[i];
  const int half = (lane->steps - 1) % 2;
  const char *base = lane->room[half];
  char *host = lane->host[half];
  *trace = lane->queued;
  const Tensors *tensors = &trace->family->tensors;
  for (int id = 0; id < tensors->all; id++) {
    Tensor *t = &trace->t[id];
    if (!t->data) continue;
    bool elsewhere = tensors->info[id].role == ROLE_BLOCK_IN && lane->block_in;
    t->data = elsewhere ? lane->block_in : host + ((char *)t->data - base);
    if (t->nans_at) t->nans = *(int64_t *)(void *)(host + ((char *)t->nans_at - base));
    if (t->scale_at) t->scale.value = *(float *)(void *)(host + ((char *)t->scale_at - base));
    t->nans_at = NULL, t->scale_at = NULL;
  }
  return cuda_seconds(&d->cuda, lane->start, lane->done);
}

size_t device_pass(Device *d, int i, const Mode *mode, bool back) {
  size_t bytes = 0;
  for (int layer = 0; layer < d->model.layers; layer++)
    bytes += device_queue(d, i, mode, layer, back);
  return bytes;
}

/* --- as a source ------------------------------------------------------------------------------ */

static Device *device_of(const Source *source) { return source->context; }

static void embed(const Source *source, const int32_t *token, int T, Arena *arena, Trace *trace) {
  const Source *host = &device_of(source)->host;
  host->embed(host, token, T, arena, trace);
}

static void block(const Source *source, const Mode *mode, int layer, const Tensor *x, Arena *arena,
                  Trace *trace) {
  const Source *host = &device_of(source)->host;
  host->block(host, mode, layer, x, arena, trace);
}

static void head(const Source *source, const Tensor *x, Arena *arena, Trace *trace) {
  const Source *host = &device_of(source)->host;
  host->head(host, x, arena, trace);
}

static bool check(const Source *source, const Mode *mode, int layer, const Trace *trace,
                  Status *st) {
  const Source *host = &device_of(source)->host;
  return host->check(host, mode, layer, trace, st);
}

static Forms forms(const Source *source, const Mode *mode, bool head) {
  const Source *host = &device_of(source)->host;
  return host->forms(host, mode, head);
}

static bool hold(const Source *source, int layer, const Forms *forms, Status *st) {
  return device_hold(device_of(source), layer, forms, st);
}

static void queue(const Source *source, int lane, const SourceStep *step) {
  Device *d = device_of(source);
  if (step->layer == 0)
    device_begin(d, lane, step->prompt->token, step->prompt->T);
  else if (step->stream)
    device_resume(d, lane, step->stream);
  device_queue(d, lane, step->mode, step->layer, true);
}

static bool wait(const Source *source, Status *st) { return device_wait(device_of(source), st); }

static double take(const Source *source, int lane, Trace *trace) {
  return device_take(device_of(source), lane, trace);
}

Source source_cuda(Device *device) {
  static const SourceAhead ahead = {hold, queue, wait, take};
  return (Source){.stream = FORMAT_F32,
                  .context = device,
                  .embed = embed,
                  .block = block,
                  .head = head,
                  .check = check,
                  .forms = forms,
                  .ahead = &ahead};
}
