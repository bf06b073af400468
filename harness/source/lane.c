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
  return arena_lines((size_t)T * (size_t)config->D * format_size(stream));
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
  return arena_lines(bytes + TENSORS_MOST * 2 * sizeof(int64_t));
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
  cuda_to_device(cuda, lane->stream_room, stream->data, tensor_bytes(stream));
}

/* As it lies there, from its first element to the end of its last row. */
static size_t spanned_bytes(const Tensor *t) {
  return (size_t)t->rows * (size_t)t->stride * format_size(t->format);
}

/* A step's own room at once, and the stream that it took, which stands elsewhere, to the place in
 * front of it. */
static size_t copy_all(Cuda *cuda, Lane *lane, int half) {
  const Tensors *tensors = &lane->queued.family->tensors;
  const char *base = lane->room[half];
  const size_t made = (size_t)(lane->end - lane->made);
  char *host = lane->host[half];
  size_t bytes = made;
  for (int id = 0; id < tensors->all; id++) {
    const Tensor *t = &lane->queued.t[id];
    const char *at = t->data;
    const bool own = at >= base && at < base + lane->bytes;
    lane->here[id] = !at ? NULL : own ? host + (at - base) : host;
    if (!at || own) continue;
    cuda_to_host(cuda, lane->here[id], at, spanned_bytes(t));
    bytes += spanned_bytes(t);
  }
  if (lane->words.first) lane->words_here = host + (lane->words.first - base);
  cuda_to_host(cuda, host + (lane->made - base), lane->made, made);
  return bytes;
}

static bool comes(const Lane *lane, int id, TensorSet back) {
  return lane->queued.t[id].data && back >> id & 1;
}

static size_t some_bytes(const Lane *lane, TensorSet back) {
  size_t bytes = arena_lines((size_t)(lane->words.end - lane->words.first));
  for (int id = 0; id < lane->queued.family->tensors.count; id++)
    if (comes(lane, id, back)) bytes += arena_lines(spanned_bytes(&lane->queued.t[id]));
  return bytes;
}

/* Each tensor that comes back by itself. */
static size_t copy_some(Cuda *cuda, Lane *lane, int half, TensorSet back) {
  const size_t words = (size_t)(lane->words.end - lane->words.first);
  char *host = lane->host[half];
  if (words) cuda_to_host(cuda, host, lane->words.first, words), lane->words_here = host;
  host += arena_lines(words);
  for (int id = 0; id < lane->queued.family->tensors.count; id++) {
    const Tensor *t = &lane->queued.t[id];
    if (!comes(lane, id, back)) continue;
    cuda_to_host(cuda, lane->here[id] = host, t->data, spanned_bytes(t));
    host += arena_lines(spanned_bytes(t));
  }
  return (size_t)(host - lane->host[half]);
}

static void find_words(const Trace *trace, Words *words) {
  *words = (Words){0};
  for (int id = 0; id < trace->family->tensors.all; id++) {
    const char *at[] = {(const char *)trace->t[id].nans_at, (const char *)trace->t[id].scale_at};
    for (int i = 0; i < 2; i++) {
      if (!at[i]) continue;
      if (!words->first || at[i] < words->first) words->first = at[i];
      if (at[i] + sizeof(int64_t) > words->end) words->end = at[i] + sizeof(int64_t);
    }
  }
}

size_t lane_bring(Cuda *cuda, Lane *lane, TensorSet back) {
  const int half = (lane->steps - 1) % 2;
  const bool all = back == TENSORS_ALL || some_bytes(lane, back) > lane->pinned_bytes;
  const size_t bytes = all && lane->back == TENSORS_ALL
                           ? copy_all(cuda, lane, half)
                           : copy_some(cuda, lane, half, back & lane->back);
  cuda_mark_copies(cuda, lane->copied[half]);
  lane->on_way[half] = true;
  return bytes;
}

void lane_queue(Cuda *cuda, Lane *lane, const LaneWork *work, const Mode *mode, int layer) {
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
  lane->made = layer == 0 ? base : room.next;
  work->block(work->context, layer, mode, &lane->now, &room, trace);
  lane->now = *trace_role(trace, ROLE_BLOCK_OUT);
  if (work->head && layer == work->config->layers - 1)
    work->head(work->context, &lane->now, &room, &ends);
  cuda_mark_operators(cuda, lane->done);
  trace_add_ends(trace, &ends);
  lane->end = room.next;
  find_words(trace, &lane->words);
  memset(lane->here, 0, sizeof lane->here);
  lane->words_here = NULL;
}

/* What stands at a word that came back. */
static const void *word_here(const Lane *lane, const void *there) {
  return lane->words_here + ((const char *)there - lane->words.first);
}

double lane_take(Cuda *cuda, const Lane *lane, Trace *trace) {
  *trace = lane->queued;
  for (int id = 0; id < trace->family->tensors.all; id++) {
    Tensor *t = &trace->t[id];
    if (!t->data) continue;
    t->data = lane->here[id];
    if (t->nans_at && lane->words_here) t->nans = *(const int64_t *)word_here(lane, t->nans_at);
    if (t->scale_at && lane->words_here)
      t->scale.value = *(const float *)word_here(lane, t->scale_at);
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
