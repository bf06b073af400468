#include "walk/walk.h"

#include <assert.h>
#include <omp.h>
#include <string.h>

/* A side on its way through a prompt. */
typedef struct Lane {
  Tensor half[2]; /* what the layers of either parity take: written by the layer before */
  int follows;    /* its layers before `parts` are those of this earlier side, and are not run again */
  int parts;
} Lane;

typedef struct Way {
  const Walk *walk;
  const PromptShape *shape;
  int prompt, first; /* layer */
  bool traces;       /* some visitor wants them side by side */
  Lane *lane;        /* [sides] */
  Trace *trace;      /* [sides] */
  WalkEnd *end;      /* [sides] */
} Way;

static int layers_of(const Walk *w, int s) { return w->side[s].layers ? w->side[s].layers : w->layers; }

const Mode *walk_mode(const WalkSide *side, int layer) { return side->modes ? side->modes[layer] : side->mode; }

/* --- sides that share their first layers ----------------------------------------------------------------------------
 */

/* How many layers from the first are the same computation in both; never the last: an end may be gone. */
static int shared_layers(const Walk *w, int a, int b) {
  const WalkSide *x = &w->side[a], *y = &w->side[b];
  int layer = 0, most = layers_of(w, a) < layers_of(w, b) ? layers_of(w, a) : layers_of(w, b),
      alike = source_alike(&x->source, &y->source);
  while (layer < most - 1 && layer < alike) {
    const Mode *p = walk_mode(x, layer), *q = walk_mode(y, layer);
    if (p != q && (!p || !q || !mode_equal(p, q))) break;
    layer++;
  }
  return layer;
}

static void find_companions(const Walk *w, Lane *lane) {
  for (int s = 0; w->share && s < w->sides; s++)
    for (int i = 0; i < s && !w->side[s].source.ahead; i++) {
      int shared = shared_layers(w, i, s);
      if (shared > lane[s].parts) lane[s].parts = shared, lane[s].follows = i;
    }
}

/* The side that runs this layer of side s. */
static int runner(const Way *way, int s, int layer) {
  while (layer < way->lane[s].parts) s = way->lane[s].follows;
  return s;
}

/* --- one side of one layer ------------------------------------------------------------------------------------------
 */

static size_t bytes_of(const Tensor *t) { return (size_t)t->rows * (size_t)t->cols * format_size(t->format); }

static const Tensor *stream_at(const Way *way, int s, int layer) {
  return &way->lane[layer > 0 ? runner(way, s, layer - 1) : s].half[layer % 2];
}

static void put_stream(Lane *lane, int layer, const Tensor *stream) {
  Tensor *half = &lane->half[layer % 2], kept = *stream;
  kept.data = memcpy(half->data, stream->data, bytes_of(stream));
  *half = kept;
}

/* The layer's tensors and, before the first and after the last, the ends; what leaves it goes where the next takes it.
 */
static bool run_side(Way *way, int s, int layer, Arena *arena, Status *st) {
  const Walk *w = way->walk;
  WalkSide *side = &w->side[s];
  const Source *source = &side->source;
  Trace ends = {0}, *trace = &way->trace[s];
  double start_s = clock_s();
  Tensor x = *stream_at(way, s, layer);
  if (layer == 0) {
    source->embed(source, way->shape->token, way->shape->T, arena, &ends);
    x = *trace_role(&ends, ROLE_EMBEDDING);
  }
  source->block(source, walk_mode(side, layer), layer, &x, arena, trace);
  const Tensor *out = trace_role(trace, ROLE_BLOCK_OUT);
  if (layer == w->layers - 1 && !side->layers) source->head(source, out, arena, &ends);
  side->time_s += clock_s() - start_s;
  put_stream(&way->lane[s], layer + 1, out);
  trace_add_ends(trace, &ends);
  return source->check(source, walk_mode(side, layer), layer, trace, st);
}

/* Shown to whoever looks at one side at a time; `arena` goes on where something of it must stay. */
static bool show_side(Way *way, const WalkPlace *at, int s, Arena *arena, Arena own, Status *st) {
  const Walk *w = way->walk;
  const Trace *trace = &way->trace[s];
  bool at_end = at->layer == layers_of(w, s) - 1;
  for (int v = 0; v < w->visitors; v++)
    if (w->visitor[v].side) TRY(w->visitor[v].side(w->visitor[v].context, at, s, trace, own, st));
  if (at_end) {
    way->end[s] = (WalkEnd){*trace_role_of(trace, ROLE_BLOCK_OUT), *trace_role_of(trace, ROLE_LOGITS)};
    for (int v = 0; v < w->visitors; v++)
      if (w->visitor[v].end) TRY(w->visitor[v].end(w->visitor[v].context, at, s, way->end, own, st));
  }
  bool stays = at_end && w->side[s].keep;
  if (!stays) way->end[s] = (WalkEnd){0};
  if (stays || way->traces) *arena = own;
  return true;
}

/* --- sides that compute ahead ---------------------------------------------------------------------------------------
 */

static void queue_layer(const Way *way, int layer) {
  const Walk *w = way->walk;
  for (int s = 0; s < w->sides; s++) {
    const Source *source = &w->side[s].source;
    if (source->ahead && layer < layers_of(w, s)) source->ahead->queue(source, s, walk_mode(&w->side[s], layer), layer);
  }
}

static void start_ahead(const Way *way, const Tensor *stream) {
  const Walk *w = way->walk;
  for (int s = 0; s < w->sides; s++) {
    const Source *source = &w->side[s].source;
    if (source->ahead) source->ahead->start(source, s, way->shape, way->first, &stream[s]);
  }
  queue_layer(way, way->first);
}

/* What was queued is taken, and the next layer given out, to be computed while this one is looked at. */
static bool take_ahead(Way *way, const WalkPlace *at, Arena *arena, Status *st) {
  const Walk *w = way->walk;
  const Source *waited = NULL;
  for (int s = 0; s < w->sides; s++) {
    WalkSide *side = &w->side[s];
    const Source *source = &side->source;
    if (!source->ahead || at->layer >= layers_of(w, s)) continue;
    if (!waited || !source_same(source, waited)) TRY(source->ahead->wait(source, st));
    waited = source;
    side->time_s += source->ahead->take(source, s, at->layer, &way->trace[s]);
    TRY(source->check(source, walk_mode(side, at->layer), at->layer, &way->trace[s], st));
  }
  if (!waited) return true;
  queue_layer(way, at->layer + 1);
  for (int s = 0; s < w->sides; s++)
    if (w->side[s].source.ahead && at->layer < layers_of(w, s)) TRY(show_side(way, at, s, arena, *arena, st));
  return true;
}

/* --- a prompt -------------------------------------------------------------------------------------------------------
 */

static bool walk_layer(Way *way, int layer, Arena *arena, Status *st) {
  const Walk *w = way->walk;
  WalkPlace at = {way->prompt, layer, way->shape, w->side, w->sides};
  memset(way->trace, 0, (size_t)w->sides * sizeof *way->trace);
  TRY(take_ahead(way, &at, arena, st));
  for (int s = 0; s < w->sides; s++) {
    if (w->side[s].source.ahead || layer >= layers_of(w, s)) continue;
    int by = runner(way, s, layer);
    Arena own = *arena;
    if (by == s)
      TRY(run_side(way, s, layer, &own, st));
    else if (way->traces)
      way->trace[s] = way->trace[by];
    else
      continue;
    TRY(show_side(way, &at, s, arena, own, st));
  }
  for (int v = 0; v < w->visitors; v++)
    if (w->visitor[v].layer) TRY(w->visitor[v].layer(w->visitor[v].context, &at, way->trace, *arena, st));
  return true;
}

static bool resume(Way *way, Tensor *stream, Arena *arena, Status *st) {
  const Walk *w = way->walk;
  for (int v = 0; v < w->visitors; v++)
    if (w->visitor[v].resume)
      TRY(w->visitor[v].resume(w->visitor[v].context, way->prompt, &way->first, stream, arena, st));
  return true;
}

static int last_layer(const Walk *w) {
  int most = 0;
  for (int s = 0; s < w->sides; s++) most = layers_of(w, s) > most ? layers_of(w, s) : most;
  return most;
}

static bool walk_prompt(const Walk *w, int prompt, Arena arena, Status *st) {
  Way way = {.walk = w, .shape = &w->prompt[prompt], .prompt = prompt};
  Tensor *stream = ARENA_NEW(&arena, Tensor, w->sides);
  way.lane = ARENA_NEW(&arena, Lane, w->sides);
  way.trace = ARENA_NEW(&arena, Trace, w->sides);
  way.end = ARENA_NEW(&arena, WalkEnd, w->sides);
  for (int v = 0; v < w->visitors; v++) way.traces |= w->visitor[v].layer != NULL;
  TRY(resume(&way, stream, &arena, st));
  if (way.first >= last_layer(w)) return true;
  find_companions(w, way.lane);
  for (int s = 0; s < w->sides; s++) {
    const Source *source = &w->side[s].source;
    size_t bytes = (size_t)way.shape->T * (size_t)w->width * format_size(source->stream);
    for (int half = 0; half < 2 && !source->ahead; half++) way.lane[s].half[half].data = arena_room(&arena, bytes, 1);
    if (way.first > 0 && !source->ahead) put_stream(&way.lane[s], way.first, &stream[s]);
  }
  start_ahead(&way, stream);
  for (int layer = way.first; layer < last_layer(w); layer++) {
    Arena scratch = arena;
    TRY(walk_layer(&way, layer, &scratch, st));
    if (layer == last_layer(w) - 1) arena = scratch;
    if (w->progress) progress_step(w->progress, prompt * w->layers + layer + 1);
  }
  return true;
}

/* --- all prompts ----------------------------------------------------------------------------------------------------
 */

/* What a visitor left in a prompt, from the keeper; `found` false where it was not kept, or not as much. */
static bool find_left(const Walk *w, const char *name, void *memory, size_t bytes, bool *found, Arena scratch,
                      Status *st) {
  const void *kept;
  size_t size;
  TRY(w->keeper->find(w->keeper->context, &scratch, name, &kept, &size, st));
  *found = kept && size == bytes;
  if (*found) memcpy(memory, kept, bytes);
  return true;
}

/* All visitors', found or kept; `all` false where one leaves nothing that can be. */
static bool each_left(const Walk *w, int prompt, bool keep, bool *all, Arena scratch, Status *st) {
  *all = w->keeper != NULL && w->visitors > 0;
  for (int v = 0; *all && v < w->visitors; v++) {
    const Visitor *visitor = &w->visitor[v];
    size_t bytes = 0;
    void *memory = visitor->left ? visitor->left(visitor->context, prompt, &bytes) : NULL;
    const char *name = arena_printf(&scratch, "%s.%d.prompt_%04d", w->name, v, prompt);
    *all = memory != NULL;
    if (memory && keep)
      TRY(w->keeper->keep(w->keeper->context, name, memory, bytes, st));
    else if (memory)
      TRY(find_left(w, name, memory, bytes, all, scratch, st));
  }
  return true;
}

static bool one_by_one(const Walk *walk, Arena scratch, Status *st) {
  for (int prompt = 0; prompt < walk->prompts; prompt++) {
    bool there, kept;
    TRY(each_left(walk, prompt, false, &there, scratch, st));
    if (!there) TRY(walk_prompt(walk, prompt, scratch, st));
    if (!there) TRY(each_left(walk, prompt, true, &kept, scratch, st));
    if (walk->progress) progress_step(walk->progress, (prompt + 1) * walk->layers);
  }
  return true;
}

/* Each prompt by one thread, in a piece of the scratch and with sides of its own; the first fault is told. */
static bool abreast(const Walk *walk, int threads, Arena scratch, Status *st) {
  Arena *own = ARENA_NEW(&scratch, Arena, threads);
  int done = 0;
  for (int i = 0; i < threads; i++) {
    own[i] = scratch;
    own[i].next = arena_alloc(&scratch, walk->abreast_bytes, 1);
    own[i].end = scratch.next;
  }
#pragma omp parallel for num_threads(threads) schedule(dynamic)
  for (int prompt = 0; prompt < walk->prompts; prompt++) {
    Arena mine = own[omp_get_thread_num()];
    Walk alone = *walk;
    Status why = {0};
    alone.side = ARENA_NEW(&mine, WalkSide, walk->sides);
    memcpy(alone.side, walk->side, (size_t)walk->sides * sizeof *walk->side);
    alone.progress = NULL;
    bool ok = walk_prompt(&alone, prompt, mine, &why);
#pragma omp critical(walk_abreast)
    {
      if (!ok) status_set(st, "%s", why.text);
      if (walk->progress) progress_step(walk->progress, ++done * walk->layers);
    }
  }
  return !st->failed;
}

bool walk_run(const Walk *walk, Arena scratch, Status *st) {
  int threads = walk->abreast < omp_get_max_threads() ? walk->abreast : omp_get_max_threads();
  assert(!walk->keeper || walk->visitors == 1); /* of two, one found would be walked over again */
  for (int s = 0; s < walk->sides; s++) walk->side[s].time_s = 0;
  return threads > 1 ? abreast(walk, threads, scratch, st) : one_by_one(walk, scratch, st);
}

size_t walk_bytes(size_t block_bytes, int T, int D, int sides, int together) {
  return (size_t)together * block_bytes + 2 * (size_t)sides * (size_t)T * (size_t)D * sizeof(double);
}
