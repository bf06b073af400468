#include "source/cuda64.h"

#include <string.h>

#include "family/block.h"

/* --- weights there ---------------------------------------------------------------------------- */

static size_t rounded(size_t bytes) { return (bytes + 63) / 64 * 64; }

static size_t layer_bytes(const Config *c) {
  size_t bytes = 0;
  for (int w = 0; w < c->family->weights; w++)
    bytes += rounded(weight_values(c, &c->family->weight[w]) * sizeof(double));
  return bytes;
}

static size_t ends_bytes(const Config *c) {
  return rounded((size_t)c->vocab * (size_t)c->D * sizeof(double)) +
         rounded((size_t)c->D * sizeof(double));
}

size_t device64_least_bytes(const Config *c) { return ends_bytes(c) + 2 * layer_bytes(c); }

/* All layers where as much stays free as is asked for, else two. */
static bool reserve(Device64 *d, size_t leave, Status *st) {
  const Config *c = &d->from->config;
  Cuda *cuda = &d->device->cuda;
  cuda_look(cuda);
  d->places = c->layers;
  size_t all = ends_bytes(c) + (size_t)d->places * layer_bytes(c);
  if (c->layers > 2 && (leave > cuda->free_bytes || all > cuda->free_bytes - leave)) {
    d->places = 2;
    all = device64_least_bytes(c);
  }
  d->memory = cuda_reserve(cuda, all);
  return d->memory || FAIL(st,
                           "%s: the float64 reference needs %.2f GB there and %.2f GB are free "
                           "(backend cpu needs none)",
                           cuda->name, 1e-9 * (double)all, 1e-9 * (double)cuda->free_bytes);
}

bool device64_load(Arena *arena, Device *device, const Weights64 *weights, size_t leave,
                   Device64 *d, Status *st) {
  const Config *c = &weights->config;
  Cuda *cuda = &device->cuda;
  *d = (Device64){.device = device, .from = weights, .host = source_ref64(weights)};
  d->cuda = cuda64_on(cuda->operators);
  d->ops = ops64_cuda(&d->cuda);
  TRY(reserve(d, leave, st));
  char *at = d->memory;
  d->place = ARENA_NEW(arena, Place64, d->places);
  for (int i = 0; i < d->places; i++, at += layer_bytes(c))
    d->place[i] = (Place64){.room = at, .layer = ABSENT, .copied = cuda_mark(cuda)};
  d->head = (double *)(void *)at;
  at += rounded((size_t)c->vocab * (size_t)c->D * sizeof(double));
  d->there = *weights;
  d->there.ops = &d->ops;
  d->there.head = d->head;
  d->there.layer = arena_alloc(arena, (size_t)c->layers, sizeof *d->there.layer);
  if (weights->norm_f) {
    d->there.norm_f = (double *)(void *)at;
    cuda_to_device(cuda, at, weights->norm_f, (size_t)c->D * sizeof(double));
  }
  const size_t rows = block_logits64_bytes(c);
  d->scratch = arena_carve(arena, rows + 64);
  return device_wait(device, st);
}

void device64_free(Device64 *d) {
  for (int i = 0; d->place && i < d->places; i++) cuda_unmark(&d->device->cuda, d->place[i].copied);
  if (d->memory) cuda_release(&d->device->cuda, d->memory);
  d->memory = NULL;
  d->place = NULL;
}

/* A layer as this host holds it, weight by weight. */
static void send_layer(Device64 *d, int layer) {
  const Config *c = &d->from->config;
  Cuda *cuda = &d->device->cuda;
  Place64 *place = &d->place[layer % d->places];
  char *at = place->room;
  for (int w = 0; w < c->family->weights; w++) {
    const size_t bytes = weight_values(c, &c->family->weight[w]) * sizeof(double);
    const double *values = d->from->layer[layer][w];
    d->there.layer[layer][w] = values ? (double *)(void *)at : NULL;
    if (values) cuda_to_device_ahead(cuda, at, values, bytes);
    at += rounded(bytes);
  }
  cuda_mark_ahead(cuda, place->copied);
  place->layer = layer;
  place->on_way = true;
}

static void send_head(Device64 *d) {
  const Config *c = &d->from->config;
  Arena scratch = d->scratch;
  double *panel = arena_room(&scratch, block_logits64_bytes(c), 1);
  for (int first = 0, rows; first < c->vocab; first += rows) {
    rows = c->vocab - first < HEAD_PANEL ? c->vocab - first : HEAD_PANEL;
    const size_t values = (size_t)rows * (size_t)c->D;
    d->from->ends.take(d->from->ends.context, END_HEAD, first, rows, panel);
    cuda_to_device(&d->device->cuda, d->head + (size_t)first * (size_t)c->D, panel,
                   values * sizeof *panel);
  }
  d->has_head = true;
  arena_give_back(&d->scratch);
}

/* --- what a lane asks ------------------------------------------------------------------------- */

static void rows(const void *context, const int32_t *token, int T, void *host) {
  const Device64 *d = context;
  block_embedding_rows64(d->from, token, T, host);
}

static void embed_there(const void *context, const void *embedding, int T, Arena *room,
                        Trace *ends) {
  const Device64 *d = context;
  d->from->config.family->embed64(&d->there, embedding, T, room, ends);
}

static void block_there(const void *context, int layer, const Mode *mode, const Tensor *x,
                        Arena *room, Trace *trace) {
  (void)mode;
  const Device64 *d = context;
  d->from->config.family->block64(&d->there, layer, x, room, trace);
}

static void head_there(const void *context, const Tensor *x, Arena *room, Trace *ends) {
  const Device64 *d = context;
  d->from->config.family->head64(&d->there, x, room, ends);
}

/* --- as a source ------------------------------------------------------------------------------ */

static Device64 *device_of(const Source *source) { return source->context; }

static int open_lane(const Source *source, int T, TensorSet back, Status *st) {
  const Device64 *d = device_of(source);
  return device_lane(d->device, &d->from->config, FORMAT_F64, T, back, st);
}

static void close_lane(const Source *source, int lane) {
  device_of(source)->device->lane[lane].open = false;
}

static bool has(const Source *source, int layer, const Forms *wanted) {
  const Device64 *d = device_of(source);
  return d->place[layer % d->places].layer == layer && (!wanted->head64 || d->has_head);
}

static bool hold(const Source *source, int layer, const Forms *wanted, Status *st) {
  Device64 *d = device_of(source);
  (void)st;
  if (d->place[layer % d->places].layer != layer) send_layer(d, layer);
  if (wanted->head64 && !d->has_head) send_head(d);
  return true;
}

static void queue(const Source *source, int lane, const SourceStep *step) {
  Device64 *d = device_of(source);
  Cuda *cuda = &d->device->cuda;
  Lane *own = &d->device->lane[lane];
  const Place64 *weights = &d->place[step->layer % d->places];
  const LaneWork work = {.context = d,
                         .config = &d->from->config,
                         .rows = rows,
                         .embed = embed_there,
                         .block = block_there,
                         .head = step->head ? head_there : NULL};
  if (step->layer == 0)
    lane_begin(cuda, own, &work, step->prompt->token, step->prompt->T);
  else if (step->stream)
    lane_resume(cuda, own, step->stream);
  if (weights->on_way) cuda_operators_after(cuda, weights->copied);
  lane_queue(cuda, own, &work, step->mode, step->layer, true);
}

static const Trace *there(const Source *source, int lane) {
  return &device_of(source)->device->lane[lane].queued;
}

static bool wait(const Source *source, Status *st) {
  Device64 *d = device_of(source);
  TRY(device_wait(d->device, st));
  for (int i = 0; i < d->places; i++) d->place[i].on_way = false;
  return !d->cuda.first_error[0] || FAIL(st, "%s: %s", d->device->cuda.name, d->cuda.first_error);
}

static double take(const Source *source, int lane, Trace *trace) {
  Device64 *d = device_of(source);
  return lane_take(&d->device->cuda, &d->device->lane[lane], trace);
}

Source source_cuda64(Device64 *device) {
  static const SourceAhead ahead = {open_lane, close_lane, has, hold, queue, there, wait, take};
  return lane_source(&device->host, device, &ahead);
}
