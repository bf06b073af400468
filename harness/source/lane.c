#include "source/lane.h"

#include <string.h>

#include "family/block.h"

/* --- room ------------------------------------------------------------------------------------- */

/* A float64 step has no tensor that a float32 step lacks. */
static size_t step_bytes(const Config *config, Format stream, int T) {
  const size_t wide = format_size(stream) / sizeof(float);
  return (wide * (block_bytes(config, T) + 3 * (size_t)T * (size_t)config->D * sizeof(float)) +
          4096) /
         64 * 64;
}

static size_t rows_bytes(const Config *config, Format stream, int T) {
  return ((size_t)T * (size_t)config->D * format_size(stream) + 63) / 64 * 64;
}

size_t lane_bytes(const Config *config, Format stream, int T) {
  return 2 * (step_bytes(config, stream, T) + rows_bytes(config, stream, T));
}

static bool reserve(Cuda *cuda, Lane *lane, size_t there, size_t pinned, Status *st) {
  lane->memory = cuda_reserve(cuda, there);
  if (!lane->memory)
    return FAIL(
        st, "%s: %.2f GB for the tensors of %d tokens cannot be had there (backend cpu needs none)",
        cuda->name, 1e-9 * (double)there, lane->most);
  lane->pinned = cuda_pinned(cuda, pinned);
  return lane->pinned || FAIL(st, "memory: %.2f GB that the device may copy to cannot be had",
                              1e-9 * (double)pinned);
}

/* Of a step's tensors that come back: each at its widest, and its count and scale. */
static size_t back_bytes(const Config *config, Format stream, int T, TensorSet back) {
  const Tensors *tensors = &config->family->tensors;
  size_t bytes = 0;
  if (back == TENSORS_ALL) return step_bytes(config, stream, T);
  for (int id = 0; id < tensors->count; id++) {
    const TensorInfo *info = &tensors->info[id];
    if (!(back >> id & 1)) continue;
    const size_t rows =
        (size_t)(info->rows == DIM_TOKEN ? T : config->family->width(config, info->rows));
    bytes += rows * (size_t)config->family->width(config, info->cols) * format_size(stream) + 192;
  }
  return (bytes + 63) / 64 * 64;
}

size_t lane_pinned_bytes(const Config *config, Format stream, int T, TensorSet back) {
  return 2 * back_bytes(config, stream, T, back) + rows_bytes(config, stream, T);
}

bool lane_fits(const Lane *lane, const Config *config, Format stream, int T, TensorSet back) {
  return lane->memory && lane->stream == stream && lane->most >= T &&
         lane->pinned_bytes >= back_bytes(config, stream, T, back);
}

bool lane_open(Cuda *cuda, const Config *config, Format stream, int T, TensorSet back,
               void (*exhausted)(size_t wanted, size_t reserved), Lane *lane, Status *st) {
  const size_t bytes = step_bytes(config, stream, T), rows = rows_bytes(config, stream, T),
               pinned = back_bytes(config, stream, T, back);
  if (lane_fits(lane, config, stream, T, back)) {
    lane->back = back;
    lane->open = true;
    return true;
  }
  lane_free(cuda, lane);
  *lane = (Lane){.stream = stream,
                 .most = T,
                 .back = back,
                 .bytes = bytes,
                 .pinned_bytes = pinned,
                 .exhausted = exhausted};
  if (!reserve(cuda, lane, lane_bytes(config, stream, T),
               lane_pinned_bytes(config, stream, T, back), st)) {
    lane_free(cuda, lane);
    return false;
  }
  char *there = lane->memory, *here = lane->pinned;
  lane->start = cuda_mark(cuda);
  lane->done = cuda_mark(cuda);
  lane->stream_room = there + 2 * bytes;
  lane->rows = there + 2 * bytes + rows;
  lane->rows_host = here + 2 * pinned;
  for (int half = 0; half < 2; half++) {
    lane->copied[half] = cuda_mark(cuda);
    lane->room[half] = there + (size_t)half * bytes;
    lane->host[half] = here + (size_t)half * pinned;
  }
  lane->open = true;
  return true;
}

void lane_free(Cuda *cuda, Lane *lane) {
  if (lane->start) cuda_unmark(cuda, lane->start);
  if (lane->done) cuda_unmark(cuda, lane->done);
  for (int half = 0; half < 2; half++)
    if (lane->copied[half]) cuda_unmark(cuda, lane->copied[half]);
  if (lane->memory) cuda_release(cuda, lane->memory);
  if (lane->pinned) cuda_unpin(cuda, lane->pinned);
  *lane = (Lane){0};
}

/* --- a step ----------------------------------------------------------------------------------- */

static size_t stream_bytes(const Lane *lane, const Config *config) {
  return (size_t)lane->T * (size_t)config->D * format_size(lane->stream);
}

void lane_begin(Cuda *cuda, Lane *lane, const LaneWork *work, const int32_t *token, int T) {
  lane->T = T;
  work->rows(work->context, token, T, lane->rows_host);
  cuda_to_device(cuda, lane->rows, lane->rows_host, stream_bytes(lane, work->config));
}

void lane_resume(Cuda *cuda, Lane *lane, const Tensor *stream) {
  lane->T = stream->rows;
  lane->now = *stream;
  lane->now.data = lane->stream_room;
  cuda_to_device(cuda, lane->stream_room, stream->data,
                 (size_t)stream->rows * (size_t)stream->cols * format_size(stream->format));
}

static size_t tensor_bytes(const Tensor *t) {
  return (size_t)t->rows * (size_t)t->stride * format_size(t->format);
}

/* A step's own room at once, and the stream that it took, which stands elsewhere, to the place in
 * front of it. */
static size_t copy_all(Cuda *cuda, Lane *lane, int half, const char *made, const char *end) {
  const Tensors *tensors = &lane->queued.family->tensors;
  const char *base = lane->room[half];
  char *host = lane->host[half];
  size_t bytes = (size_t)(end - made);
  for (int id = 0; id < tensors->all; id++) {
    const Tensor *t = &lane->queued.t[id];
    const char *at = t->data;
    const bool own = at >= base && at < base + lane->bytes;
    lane->here[id] = !at ? NULL : own ? host + (at - base) : host;
    if (!at || own) continue;
    cuda_to_host(cuda, lane->here[id], at, tensor_bytes(t));
    bytes += tensor_bytes(t);
  }
  cuda_to_host(cuda, host + (made - base), made, (size_t)(end - made));
  return bytes;
}

/* Each tensor that comes back by itself. */
static size_t copy_some(Cuda *cuda, Lane *lane, int half) {
  const Tensors *tensors = &lane->queued.family->tensors;
  size_t bytes = 0;
  memset(lane->here, 0, sizeof lane->here);
  for (int id = 0; id < tensors->count; id++) {
    const Tensor *t = &lane->queued.t[id];
    if (!t->data || !(lane->back >> id & 1)) continue;
    lane->here[id] = lane->host[half] + bytes;
    cuda_to_host(cuda, lane->here[id], t->data, tensor_bytes(t));
    bytes += (tensor_bytes(t) + 63) / 64 * 64;
  }
  return bytes;
}

size_t lane_queue(Cuda *cuda, Lane *lane, const LaneWork *work, const Mode *mode, int layer,
                  bool back) {
  const int half = lane->steps++ % 2;
  char *base = lane->room[half];
  Arena room = {
      .next = base, .end = base + lane->bytes, .base = base, .exhausted = lane->exhausted};
  Trace ends = {0}, *trace = &lane->queued;
  if (lane->on_way[half])
    cuda_operators_after(cuda, lane->copied[half]); /* the step that this one replaces */
  cuda_mark_operators(cuda, lane->start);
  if (layer == 0) {
    work->embed(work->context, lane->rows, lane->T, &room, &ends);
    lane->now = *trace_role(&ends, ROLE_EMBEDDING);
  } else {
    arena_room(&room, stream_bytes(lane, work->config), 1); /* for copy_all: it stands elsewhere */
  }
  char *made = layer == 0 ? base : room.next;
  work->block(work->context, layer, mode, &lane->now, &room, trace);
  lane->now = *trace_role(trace, ROLE_BLOCK_OUT);
  if (work->head && layer == work->config->layers - 1)
    work->head(work->context, &lane->now, &room, &ends);
  cuda_mark_operators(cuda, lane->done);
  trace_add_ends(trace, &ends);
  if (!back) return 0;
  const size_t bytes = lane->back == TENSORS_ALL ? copy_all(cuda, lane, half, made, room.next)
                                                 : copy_some(cuda, lane, half);
  cuda_mark_copies(cuda, lane->copied[half]);
  lane->on_way[half] = true;
  return bytes;
}

double lane_take(Cuda *cuda, const Lane *lane, Trace *trace) {
  const int half = (lane->steps - 1) % 2;
  const char *base = lane->room[half];
  const char *host = lane->host[half];
  const bool all = lane->back == TENSORS_ALL;
  *trace = lane->queued;
  const Tensors *tensors = &trace->family->tensors;
  for (int id = 0; id < tensors->all; id++) {
    Tensor *t = &trace->t[id];
    if (!t->data) continue;
    if (lane->here[id]) t->data = lane->here[id];
    if (t->nans_at && all)
      t->nans = *(const int64_t *)(const void *)(host + ((char *)t->nans_at - base));
    if (t->scale_at && all)
      t->scale.value = *(const float *)(const void *)(host + ((char *)t->scale_at - base));
    t->nans_at = NULL, t->scale_at = NULL;
  }
  return cuda_seconds(cuda, lane->start, lane->done);
}

/* --- as a source ------------------------------------------------------------------------------ */

static void embed(const Source *source, const int32_t *token, int T, Arena *arena, Trace *trace) {
  source->host->embed(source->host, token, T, arena, trace);
}

static void block(const Source *source, const Mode *mode, int layer, const Tensor *x, Arena *arena,
                  Trace *trace) {
  source->host->block(source->host, mode, layer, x, arena, trace);
}

static void head(const Source *source, const Tensor *x, Arena *arena, Trace *trace) {
  source->host->head(source->host, x, arena, trace);
}

static bool check(const Source *source, const Mode *mode, int layer, const Trace *trace,
                  Status *st) {
  return source->host->check(source->host, mode, layer, trace, st);
}

static Forms forms(const Source *source, const Mode *mode, bool with_head) {
  return source->host->forms(source->host, mode, with_head);
}

Source lane_source(const Source *host, void *context, const SourceAhead *ahead) {
  return (Source){.stream = host->stream,
                  .context = context,
                  .embed = embed,
                  .block = block,
                  .head = head,
                  .check = check,
                  .forms = forms,
                  .ahead = ahead,
                  .host = host};
}
