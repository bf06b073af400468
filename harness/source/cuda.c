#include "source/cuda.h"

#include "family/block.h"

/* --- finding it, filling it ----------------------------------------------------------------------------------------
 */

bool device_find(Backend wanted, const char *who, Device *device, Status *st) {
  char why[256];
  *device = (Device){0};
  if (wanted == BACKEND_CPU) return true;
  device->found = cuda_open(&device->cuda, why);
  if (!device->found && wanted == BACKEND_CUDA) return FAIL(st, "%s: backend cuda: %s", who, why);
  return true;
}

/* Weights on their way. Without `copy` it is only seen how much room they take. */
typedef struct Load {
  Arena room;    /* of the device */
  Arena scratch; /* of the host; stays as it is until all copies are made */
  Cuda *copy;    /* NULL: nothing is copied */
} Load;

static void *put(Load *load, const void *host, size_t bytes) {
  void *there = arena_room(&load->room, bytes, 1);
  if (load->copy) cuda_to_device(load->copy, there, host, bytes);
  return there;
}

static Tensor put_tensor(Load *load, const Tensor *t) {
  Tensor there = *t;
  there.data = put(load, t->data, (size_t)t->rows * (size_t)t->cols * format_size(t->format));
  return there;
}

/* Its panels as the device's operator reads them. */
static Linear put_linear(Load *load, const Linear *w) {
  size_t bytes = linear_cuda_packed_bytes(w->out, w->in, w->format);
  void *panels = NULL;
  if (load->copy) linear_cuda_pack(w, panels = arena_room(&load->scratch, bytes, 1));
  Linear there = *w;
  there.panels = put(load, panels, bytes);
  return there;
}

/* A layer's weights in one format; a folded gain has none. */
static void put_weights(Load *load, const Family *family, const Prepared *from, Prepared *there) {
  for (int w = 0; w < family->weights; w++) {
    there[w] = from[w];
    if (family->weight[w].form == FORM_LINEAR)
      there[w].linear = put_linear(load, &from[w].linear);
    else if (from[w].values.data)
      there[w].values = put_tensor(load, &from[w].values);
  }
}

/* `there`: the host's model with its weights on the device; `layer` [layers] in the host's memory. */
static void put_model(Load *load, const Model *model, ModelLayer *layer, Model *there) {
  size_t D = (size_t)model->D * sizeof(float);
  *there = *model;
  there->embedding = put(load, model->embedding, (size_t)model->vocab * D);
  if (model->norm_f) there->norm_f = put(load, model->norm_f, D);
  there->head = put_linear(load, &model->head);
  there->layer = layer;
  for (int i = 0; i < model->layers; i++) {
    const ModelLayer *from = &model->layer[i];
    layer[i] = *from;
    put_weights(load, model->config.family, from->f32, layer[i].f32);
    put_weights(load, model->config.family, from->i8, layer[i].i8);
  }
}

static size_t weight_bytes(const Model *model, ModelLayer *layer) {
  char *const start = (char *)4096;
  Load look = {.room = {.next = start, .end = (char *)(SIZE_MAX / 2)}};
  Model there;
  put_model(&look, model, layer, &there);
  return (size_t)(look.room.next - start);
}

static void make_lanes(Arena *arena, int T, Arena *room, Device *d) {
  d->lane = ARENA_NEW(arena, Lane, d->lanes);
  for (int i = 0; i < d->lanes; i++) {
    d->lane[i].start = cuda_mark(&d->cuda);
    d->lane[i].done = cuda_mark(&d->cuda);
    d->lane[i].token = arena_room(room, (size_t)T, sizeof(int32_t));
    for (int half = 0; half < 2; half++) {
      d->lane[i].copied[half] = cuda_mark(&d->cuda);
      d->lane[i].room[half] = arena_room(room, d->lane_bytes, 1);
      d->lane[i].host[half] = (char *)d->pinned + (size_t)(2 * i + half) * d->lane_bytes;
    }
  }
}

bool device_load(Arena *arena, const Model *model, const Config *config, int lanes, int T, size_t more, Device *d,
                 Status *st) {
  const char *name = d->cuda.name;
  ModelLayer *layer = ARENA_NEW(arena, ModelLayer, model->layers);
  size_t stream = (size_t)T * (size_t)model->D * sizeof(float), tokens = (size_t)T * sizeof(int32_t) + 64;
  d->host = source_cpu(model);
  d->lanes = lanes;
  d->lane_bytes = (block_bytes(config, T) + 3 * stream + 4096) / 64 * 64;
  size_t all = weight_bytes(model, layer) + (size_t)lanes * (2 * d->lane_bytes + tokens) + more + 4096;
  if (all > d->cuda.free_bytes || !(d->memory = cuda_reserve(&d->cuda, all)))
    return FAIL(st, "%s: the run needs %.2f GB there and %.2f GB are free (backend cpu needs none)", name,
                1e-9 * (double)all, 1e-9 * (double)d->cuda.free_bytes);
  size_t pinned = (size_t)lanes * 2 * d->lane_bytes;
  if (lanes && !(d->pinned = cuda_pinned(&d->cuda, pinned)))
    return FAIL(st, "memory: %.2f GB that the device may copy to cannot be had", 1e-9 * (double)pinned);
  Load load = {
      .room = {.next = d->memory, .end = (char *)d->memory + all, .base = d->memory, .exhausted = arena->exhausted},
      .copy = &d->cuda};
  make_lanes(arena, T, &load.room, d);
  load.scratch = *arena;
  put_model(&load, model, layer, &d->model);
  d->model.ops = &d->cuda.ops;
  d->room = load.room;
  return device_wait(d, st);
}

void device_free(Device *d) {
  for (int i = 0; d->lane && i < d->lanes; i++) {
    cuda_unmark(&d->cuda, d->lane[i].start);
    cuda_unmark(&d->cuda, d->lane[i].done);
    for (int half = 0; half < 2; half++) cuda_unmark(&d->cuda, d->lane[i].copied[half]);
  }
  if (d->memory) cuda_release(&d->cuda, d->memory);
  if (d->pinned) cuda_unpin(&d->cuda, d->pinned);
  cuda_close(&d->cuda);
  *d = (Device){.found = d->found, .cuda = d->cuda};
}

/* --- a lane ------------------------------------------------------------------------------------------------------- */

void device_begin(Device *d, int i, const int32_t *token, int T) {
  d->lane[i].T = T;
  cuda_to_device(&d->cuda, (void *)(uintptr_t)d->lane[i].token, token, (size_t)T * sizeof *token);
}

void device_resume(Device *d, int i, int layer, const Tensor *stream) {
  Lane *lane = &d->lane[i];
  lane->stream = *stream;
  lane->stream.data = lane->room[(layer + 1) % 2];
  cuda_to_device(&d->cuda, lane->stream.data, stream->data,
                 (size_t)stream->rows * (size_t)stream->cols * sizeof(float));
}

size_t device_queue(Device *d, int i, const Mode *mode, int layer, bool back) {
  Lane *lane = &d->lane[i];
  int half = layer % 2;
  char *host = lane->host[half], *base = lane->room[half];
  Arena room = {.next = base, .end = base + d->lane_bytes, .base = base, .exhausted = d->room.exhausted};
  Trace ends = {0}, *trace = &lane->queued[half];
  size_t stream_back = 0;
  if (back && layer >= 2) cuda_operators_after(&d->cuda, lane->copied[half]); /* the layer that this one replaces */
  cuda_mark_operators(&d->cuda, lane->start);
  if (layer == 0) {
    block_embed(&d->model, lane->token, lane->T, &room, &ends);
    lane->stream = *trace_role(&ends, ROLE_EMBEDDING);
  } else { /* the stream stands in the other half: here it is given a place for its way back alone */
    stream_back = (size_t)lane->T * (size_t)d->model.D * sizeof(float);
    char *place = arena_room(&room, stream_back, 1);
    if (back) cuda_to_host(&d->cuda, host + (place - base), lane->stream.data, stream_back);
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
  return (size_t)(room.next - made) + stream_back;
}

bool device_wait(Device *d, Status *st) {
  char why[256];
  return cuda_wait(&d->cuda, why) || FAIL(st, "%s: %s", d->cuda.name, why);
}

double device_take(Device *d, int i, int layer, Trace *trace) {
  const Lane *lane = &d->lane[i];
  const char *base = lane->room[layer % 2];
  char *host = lane->host[layer % 2];
  *trace = lane->queued[layer % 2];
  const Tensors *tensors = &trace->family->tensors;
  for (int id = 0; id < tensors->all; id++) {
    Tensor *t = &trace->t[id];
    if (!t->data) continue;
    bool elsewhere = tensors->info[id].role == ROLE_BLOCK_IN && layer > 0; /* at the front, see device_queue */
    t->data = elsewhere ? host : host + ((char *)t->data - base);
    if (t->nans_at) t->nans = *(int64_t *)(void *)(host + ((char *)t->nans_at - base));
    if (t->scale_at) t->scale.value = *(float *)(void *)(host + ((char *)t->scale_at - base));
    t->nans_at = NULL, t->scale_at = NULL;
  }
  return cuda_seconds(&d->cuda, lane->start, lane->done);
}

size_t device_pass(Device *d, int i, const Mode *mode, bool back) {
  size_t bytes = 0;
  for (int layer = 0; layer < d->model.layers; layer++) bytes += device_queue(d, i, mode, layer, back);
  return bytes;
}

/* --- as a source --------------------------------------------------------------------------------------------------
 */

static Device *device_of(const Source *source) { return source->context; }

static void embed(const Source *source, const int32_t *token, int T, Arena *arena, Trace *trace) {
  const Source *host = &device_of(source)->host;
  host->embed(host, token, T, arena, trace);
}

static void block(const Source *source, const Mode *mode, int layer, const Tensor *x, Arena *arena, Trace *trace) {
  const Source *host = &device_of(source)->host;
  host->block(host, mode, layer, x, arena, trace);
}

static void head(const Source *source, const Tensor *x, Arena *arena, Trace *trace) {
  const Source *host = &device_of(source)->host;
  host->head(host, x, arena, trace);
}

static bool check(const Source *source, const Mode *mode, int layer, const Trace *trace, Status *st) {
  const Source *host = &device_of(source)->host;
  return host->check(host, mode, layer, trace, st);
}

static void start(const Source *source, int lane, const PromptShape *prompt, int layer, const Tensor *stream) {
  device_begin(device_of(source), lane, prompt->token, prompt->T);
  if (layer > 0) device_resume(device_of(source), lane, layer, stream);
}

static void queue(const Source *source, int lane, const Mode *mode, int layer) {
  device_queue(device_of(source), lane, mode, layer, true);
}

static bool wait(const Source *source, Status *st) { return device_wait(device_of(source), st); }

static double take(const Source *source, int lane, int layer, Trace *trace) {
  return device_take(device_of(source), lane, layer, trace);
}

Source source_cuda(Device *device) {
  static const SourceAhead ahead = {start, queue, wait, take};
  return (Source){.stream = FORMAT_F32,
                  .context = device,
                  .embed = embed,
                  .block = block,
                  .head = head,
                  .check = check,
                  .ahead = &ahead};
}
