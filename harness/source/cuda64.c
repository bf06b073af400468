#include "source/cuda64.h"

#include "family/block.h"

/* --- weights there ---------------------------------------------------------------------------- */

size_t device64_bytes(const Config *c, bool head) {
  const size_t row = (size_t)c->D * sizeof(double);
  return (head ? arena_lines((size_t)c->vocab * row) : 0) + arena_lines(row);
}

bool device64_load(Device *device, const Weights64 *weights, MadeLayers *made, bool head,
                   Device64 *d, Status *st) {
  const Config *c = &weights->config;
  Cuda *cuda = &device->cuda;
  const size_t bytes = device64_bytes(c, head);
  *d = (Device64){.device = device, .from = weights, .host = source_ref64(weights), .made = made};
  d->cuda = cuda64_on(cuda->operators);
  d->ops = ops64_cuda(&d->cuda);
  if (!(d->memory = cuda_reserve(cuda, bytes)))
    return FAIL(st,
                "%s: %.2f GB for the float64 reference cannot be had there (backend cpu needs "
                "none)",
                cuda->name, 1e-9 * (double)bytes);
  d->there = *weights;
  d->there.ops = &d->ops;
  d->there.layer = made->layer;
  d->there.head = d->head = head ? d->memory : NULL;
  if (weights->norm_f) {
    double *norm_f = (double *)d->memory + (head ? (size_t)c->vocab * (size_t)c->D : 0);
    cuda_to_device(cuda, norm_f, weights->norm_f, (size_t)c->D * sizeof *norm_f);
    d->there.norm_f = norm_f;
  }
  return device_wait(device, st);
}

void device64_free(Device64 *d) {
  if (d->memory) cuda_release(&d->device->cuda, d->memory);
  d->memory = NULL;
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
  return made_has(d->made, layer) && (!wanted->head64 || d->has_head);
}

static bool hold(const Source *source, int layer, const Forms *wanted, Status *st) {
  Device64 *d = device_of(source);
  TRY(made_hold(d->made, layer, st));
  if (!wanted->head64 || d->has_head) return true;
  TRY(maker_head(d->made->maker, d->head, NULL, st));
  return d->has_head = true;
}

static void queue(const Source *source, int lane, const SourceStep *step) {
  Device64 *d = device_of(source);
  Cuda *cuda = &d->device->cuda;
  Lane *own = &d->device->lane[lane];
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
  lane_queue(cuda, own, &work, step->mode, step->layer);
}

static const Trace *there(const Source *source, int lane) {
  return &device_of(source)->device->lane[lane].queued;
}

static void bring(const Source *source, int lane, TensorSet back) {
  Device *d = device_of(source)->device;
  lane_bring(&d->cuda, &d->lane[lane], back);
}

static bool wait(const Source *source, Status *st) {
  Device64 *d = device_of(source);
  TRY(device_wait(d->device, st));
  return !d->cuda.first_error[0] || FAIL(st, "%s: %s", d->device->cuda.name, d->cuda.first_error);
}

static double take(const Source *source, int lane, Trace *trace) {
  Device64 *d = device_of(source);
  return lane_take(&d->device->cuda, &d->device->lane[lane], trace);
}

Source source_cuda64(Device64 *device) {
  static const SourceAhead ahead = {open_lane, close_lane, has,  hold, queue,
                                    there,     bring,      wait, take};
  return lane_source(&device->host, device, &ahead);
}
