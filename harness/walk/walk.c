#include <assert.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/workers.h"
#include "walk/run.h"

/* A layer of a prompt. */
typedef struct Step {
  WalkRun *run;
  const Walk *walk;
  Way *way;
  int layer;
  Trace *trace; /* [sides] */
  WalkEnd *end; /* [sides] */
} Step;

int walk_layers_of(const Walk *w, int s) {
  return w->side[s].layers ? w->side[s].layers : w->layers;
}

bool walk_is_ahead(const Walk *w, int s, int layer) {
  const Source *source = &w->side[s].source;
  return source->ahead && layer >= source->ahead_from && layer < walk_layers_of(w, s);
}

const Mode *walk_mode(const WalkSide *side, int layer) {
  return side->modes ? side->modes[layer] : side->mode ? mode_in(side->mode, layer) : NULL;
}

int walk_last_layer(const Walk *w) {
  int most = 0;
  for (int s = 0; s < w->sides; s++)
    most = walk_layers_of(w, s) > most ? walk_layers_of(w, s) : most;
  return most;
}

/* --- one side of one layer -------------------------------------------------------------------- */

static const Tensor *stream_at(const Step *step, int s) {
  const int layer = step->layer, by = layer > 0 ? walk_runner(step->run, s, layer - 1) : s;
  return &step->way->lane[by].half[layer % 2];
}

void way_put_stream(SideLane *lane, int layer, const Tensor *stream) {
  Tensor *half = &lane->half[layer % 2], kept = *stream;
  if (!half->data) return;
  kept.data = memcpy(half->data, stream->data, tensor_bytes(stream));
  *half = kept;
}

/* The layer's tensors and, before the first and after the last, the ends; what leaves it goes where
 * the next takes it. */
static bool run_side(const Step *step, int s, Arena *arena, Status *st) {
  const Walk *w = step->walk;
  const int layer = step->layer;
  WalkSide *side = &w->side[s];
  const Source *source = &side->source;
  Trace ends = {0}, *trace = &step->trace[s];
  double start_s = clock_s();
  Tensor x = *stream_at(step, s);
  if (layer == 0) {
    source->embed(source, step->way->shape->token, step->way->shape->T, arena, &ends);
    x = *trace_role(&ends, ROLE_EMBEDDING);
  }
  source->block(source, walk_mode(side, layer), layer, &x, arena, trace);
  const Tensor *out = trace_role(trace, ROLE_BLOCK_OUT);
  if (layer == w->layers - 1 && !side->layers) source->head(source, out, arena, &ends);
  side->time_s += clock_s() - start_s;
  way_put_stream(&step->way->lane[s], layer + 1, out);
  trace_add_ends(trace, &ends);
  return source->check(source, walk_mode(side, layer), layer, trace, st);
}

/* The same of what is stored, with the head behind it where somebody looks at what is not. */
static bool read_side(const Step *step, int s, Arena *arena, Status *st) {
  const Walk *w = step->walk;
  const StoredTensors *stored = w->stored;
  const WalkSide *side = &w->side[s];
  const TensorSet reads = way_reads(w, step->way, s, step->layer);
  Trace ends = {0}, *trace = &step->trace[s];
  TRY(stored->read(stored->context, step->way->shape, side->stored, step->layer, reads, arena,
                   trace, st));
  const Tensor *out = trace_role(trace, ROLE_BLOCK_OUT);
  if (step->layer == w->layers - 1 && !side->layers && step->run->back & stored->ends & ~reads)
    side->source.head(&side->source, out, arena, &ends);
  way_put_stream(&step->way->lane[s], step->layer + 1, out);
  trace_add_ends(trace, &ends);
  return true;
}

static WalkPlace place_of(const Step *step) {
  return (WalkPlace){step->way->prompt, step->layer,       step->way->shape,
                     step->walk->side,  step->walk->sides, step->run};
}

/* Shown to whoever looks at one side at a time; `arena` goes on where something of it must stay. */
static bool show_side(const Step *step, int s, Arena *arena, Arena own, Status *st) {
  const Walk *w = step->walk;
  const WalkPlace at = place_of(step);
  const Trace *trace = &step->trace[s];
  bool at_end = at.layer == walk_layers_of(w, s) - 1;
  for (int v = 0; v < w->visitors; v++)
    if (w->visitor[v].side) TRY(w->visitor[v].side(w->visitor[v].context, &at, s, trace, own, st));
  if (at_end) {
    step->end[s] =
        (WalkEnd){*trace_role_of(trace, ROLE_BLOCK_OUT), *trace_role_of(trace, ROLE_LOGITS)};
    for (int v = 0; v < w->visitors; v++)
      if (w->visitor[v].end)
        TRY(w->visitor[v].end(w->visitor[v].context, &at, s, step->end, own, st));
  }
  bool stays = at_end && w->side[s].keep;
  if (!stays) step->end[s] = (WalkEnd){0};
  if (stays || step->run->traces) *arena = own;
  return true;
}

/* --- a step ----------------------------------------------------------------------------------- */

static bool walk_step(WalkRun *run, const Walk *walk, Way *way, int layer, Arena arena,
                      Status *st) {
  Step step = {.run = run, .walk = walk, .way = way, .layer = layer};
  step.trace = ARENA_NEW(&arena, Trace, walk->sides);
  step.end = ARENA_NEW(&arena, WalkEnd, walk->sides);
  TRY(ahead_take(run, way, layer, step.trace, st));
  for (int s = 0; s < walk->sides; s++)
    if (walk_is_ahead(walk, s, layer)) TRY(show_side(&step, s, &arena, arena, st));
  for (int s = 0; s < walk->sides; s++) {
    if (walk_is_ahead(walk, s, layer) || layer >= walk_layers_of(walk, s)) continue;
    const int by = walk_runner(run, s, layer);
    const Doing doing = way_doing(walk, way, by, layer);
    Arena own = arena;
    if (doing == DOES_NOTHING) continue;
    if (by == s)
      TRY((doing == DOES_READ ? read_side : run_side)(&step, s, &own, st));
    else if (run->traces)
      step.trace[s] = step.trace[by];
    else
      continue;
    TRY(show_side(&step, s, &arena, own, st));
  }
  const WalkPlace at = place_of(&step);
  for (int v = 0; v < walk->visitors; v++)
    if (walk->visitor[v].layer)
      TRY(walk->visitor[v].layer(walk->visitor[v].context, &at, step.trace, arena, st));
  way->done = layer + 1;
  return true;
}

/* --- a batch ---------------------------------------------------------------------------------- */

static bool resume(WalkRun *run, Way *way, Tensor *stream, Arena *arena, Status *st) {
  const Walk *w = run->walk;
  for (int v = 0; v < w->visitors; v++)
    if (w->visitor[v].resume)
      TRY(w->visitor[v].resume(w->visitor[v].context, way->prompt, &way->first, stream, arena, st));
  way->done = way->first;
  return true;
}

/* Whether another side goes on, by way of this host, from where it parts with this one. */
static bool is_followed(const WalkRun *run, int s) {
  bool followed = false;
  for (int i = 0; i < run->walk->sides; i++)
    followed |= run->companion[i].parts > 0 && run->companion[i].follows == s;
  return followed;
}

static bool begin_way(WalkRun *run, Way *way, Arena *arena, Status *st) {
  const Walk *w = run->walk;
  Tensor *stream = ARENA_NEW(arena, Tensor, w->sides);
  way->shape = &w->prompt[way->prompt];
  way->lane = ARENA_NEW(arena, SideLane, w->sides);
  TRY(resume(run, way, stream, arena, st));
  if (way->first >= walk_last_layer(w)) return true;
  plan_way(run, way, arena);
  for (int s = 0; s < w->sides; s++) {
    const size_t bytes = left_stream_bytes(w, s, way->shape->T);
    const bool here =
        !walk_is_ahead(w, s, 0) || run->several || way->first > 0 || is_followed(run, s);
    for (int half = 0; half < 2 && here; half++)
      way->lane[s].half[half].data = arena_alloc(arena, bytes, 1);
    if (way->first > 0) way_put_stream(&way->lane[s], way->first, &stream[s]);
  }
  return left_find_on_way(run, way, *arena, st);
}

/* A batch of these prompts; `steps` counts on. */
static bool begin(Arena *arena, const Walk *walk, const int *prompt, int prompts, bool several,
                  int *lane, int *steps, WalkRun **made, Status *st) {
  WalkRun *run = *made = ARENA_NEW(arena, WalkRun, 1);
  *run = (WalkRun){
      .walk = walk, .ways = prompts, .several = several, .queued_layer = -1, .steps = steps};
  run->companion = ARENA_NEW(arena, Companion, walk->sides);
  run->way = ARENA_NEW(arena, Way, prompts);
  for (int v = 0; v < walk->visitors; v++) run->traces |= walk->visitor[v].layer != NULL;
  run->back = ahead_back(walk);
  run->lane = lane;
  run->there = ARENA_NEW(arena, const Trace *, walk->sides);
  run->brought = ARENA_NEW(arena, TensorSet, walk->sides);
  plan_companions(run);
  for (int i = 0; i < prompts; i++) {
    run->way[i].prompt = prompt[i];
    TRY(begin_way(run, &run->way[i], arena, st));
    *steps += run->way[i].first < walk->layers ? run->way[i].first : walk->layers;
  }
  return true;
}

static void count_step(const WalkRun *run) {
  ++*run->steps;
  if (run->walk->progress) progress_step(run->walk->progress, *run->steps);
}

/* One prompt by one thread, with sides of its own. */
static void step_alone(WalkRun *run, int way, int layer, Arena mine, Status *st) {
  const Walk *walk = run->walk;
  Walk alone = *walk;
  Status why = {0};
  alone.side = ARENA_NEW(&mine, WalkSide, walk->sides);
  memcpy(alone.side, walk->side, (size_t)walk->sides * sizeof *walk->side);
  bool ok = walk_step(run, &alone, &run->way[way], layer, mine, &why);
#pragma omp critical(walk_abreast)
  {
    if (!ok) status_set(st, "%s", why.text);
    count_step(run);
  }
}

/* Each prompt by one thread, in a piece of the scratch; the first fault is told. */
static bool layer_abreast(WalkRun *run, int layer, int threads, Arena scratch, Status *st) {
  Arena *own = ARENA_NEW(&scratch, Arena, threads);
  int next = 0;
  for (int i = 0; i < threads; i++) own[i] = arena_carve(&scratch, run->walk->abreast_bytes);
#pragma omp parallel for schedule(static, 1)
  for (int worker = 0; worker < threads; worker++)
    for (int i; (i = workers_next(&next, run->ways)) >= 0;)
      if (run->way[i].first <= layer) step_alone(run, i, layer, own[worker], st);
  return !st->failed;
}

static int threads_of(const Walk *w) {
  return w->abreast < omp_get_max_threads() ? w->abreast : omp_get_max_threads();
}

bool walk_layer(WalkRun *run, int layer, Arena scratch, Status *st) {
  if (layer >= walk_last_layer(run->walk)) return true;
  TRY(ahead_send(run->walk, layer, st));
  if (threads_of(run->walk) > 1) TRY(layer_abreast(run, layer, threads_of(run->walk), scratch, st));
  for (int i = 0; i < run->ways; i++) {
    if (run->way[i].first > layer) continue;
    if (threads_of(run->walk) <= 1) {
      TRY(walk_step(run, run->walk, &run->way[i], layer, scratch, st));
      count_step(run);
    }
    TRY(layer + 1 < walk_last_layer(run->walk) ? left_keep_on_way(run, &run->way[i], scratch, st)
                                               : left_keep_done(run, &run->way[i], scratch, st));
  }
  if (run->by_layer && layer + 1 == walk_last_layer(run->walk)) ahead_close(run->walk, run->lane);
  return true;
}

bool walk_begin(Arena *arena, const Walk *walk, WalkRun **run, Status *st) {
  int *prompt = ARENA_NEW(arena, int, walk->prompts), *steps = ARENA_NEW(arena, int, 1), count = 0;
  for (int p = 0; p < walk->prompts; p++) {
    bool there;
    TRY(left_each(walk, p, false, &there, *arena, st));
    if (!there) prompt[count++] = p;
  }
  int *lane;
  TRY(ahead_open(arena, walk, &lane, st));
  TRY(begin(arena, walk, prompt, count, true, lane, steps, run, st));
  (*run)->by_layer = true;
  return true;
}

/* --- all batches ------------------------------------------------------------------------------ */

/* Whether its prompts go on behind a layer, not at their start, when a run that was stopped goes
 * on. */
static bool is_kept_on_way(const Walk *w) {
  return w->batch > 1 || (w->keeper && w->weights && !layers_stay(w->weights));
}

static bool run_batch(const Walk *walk, const int *prompt, int prompts, int *lane, int *steps,
                      Arena arena, Status *st) {
  WalkRun *run;
  const int before = *steps;
  int first = walk->layers;
  TRY(begin(&arena, walk, prompt, prompts, is_kept_on_way(walk), lane, steps, &run, st));
  for (int i = 0; i < prompts; i++) first = run->way[i].first < first ? run->way[i].first : first;
  for (int layer = first; layer < walk_last_layer(walk); layer++) {
    TRY(ahead_hold(run, layer, st));
    TRY(ahead_send_next(run, layer, st));
    TRY(walk_layer(run, layer, arena, st));
  }
  *steps = before + prompts * walk->layers;
  if (walk->progress) progress_step(walk->progress, *steps);
  return true;
}

static int longest_first(const void *a, const void *b, void *prompts) {
  const int p = *(const int *)a, q = *(const int *)b;
  const PromptShape *prompt = prompts;
  return prompt[p].T != prompt[q].T ? (prompt[p].T < prompt[q].T ? 1 : -1) : p - q;
}

/* Prompts that are dealt out as processes ask for them: none is late with a long one. */
static const int *order_of(const Walk *walk, Arena *arena) {
  int *order = ARENA_NEW(arena, int, walk->prompts);
  for (int p = 0; p < walk->prompts; p++) order[p] = p;
  if (walk->deal && walk->deal->meet)
    qsort_r(order, (size_t)walk->prompts, sizeof *order, longest_first, (void *)walk->prompt);
  return order;
}

/* Of these prompts those that nothing was left of yet. */
static bool not_found(const Walk *walk, int *prompt, int *count, int *steps, Arena scratch,
                      Status *st) {
  int kept = 0;
  for (int i = 0; i < *count; i++) {
    bool there;
    TRY(left_each(walk, prompt[i], false, &there, scratch, st));
    if (there) *steps += walk->layers;
    if (!there) prompt[kept++] = prompt[i];
  }
  return *count = kept, true;
}

/* What other processes left of theirs. */
static bool find_others(const Walk *walk, Arena scratch, Status *st) {
  for (int p = 0; walk->keeper && p < walk->prompts; p++) {
    bool there;
    TRY(left_each(walk, p, false, &there, scratch, st));
    if (!there)
      return FAIL(st, "%s: what another process left of prompt %d cannot be read", walk->name, p);
  }
  return true;
}

/* A batch is filled up with prompts to walk: those that are found count for nothing. */
static bool next_batch(const Walk *walk, Dealing *dealing, const int *order, int *prompt,
                       int *count, int *steps, Arena scratch, Status *st) {
  const int most = walk->batch > 1 ? walk->batch : 1;
  *count = 0;
  for (int taken = 1; taken && *count < most;) {
    TRY(deal_take(dealing, most - *count, prompt + *count, &taken, st));
    int left = taken;
    for (int i = 0; i < taken; i++) prompt[*count + i] = order[prompt[*count + i]];
    TRY(not_found(walk, prompt + *count, &left, steps, scratch, st));
    *count += left;
  }
  return true;
}

static bool run_batches(const Walk *walk, int *lane, Arena scratch, Status *st) {
  int *prompt = ARENA_NEW(&scratch, int, walk->batch > 1 ? walk->batch : 1), count = 1, steps = 0;
  const int *order = order_of(walk, &scratch);
  Dealing dealing;
  assert(!walk->keeper || walk->visitors == 1); /* of two, one found would be walked over again */
  for (int s = 0; s < walk->sides; s++) walk->side[s].time_s = 0;
  TRY(deal_begin(walk->deal, walk->prompts, &dealing, st));
  while (count) {
    TRY(next_batch(walk, &dealing, order, prompt, &count, &steps, scratch, st));
    if (count) TRY(run_batch(walk, prompt, count, lane, &steps, scratch, st));
    if (walk->progress) progress_step(walk->progress, steps);
  }
  TRY(deal_meet(walk->deal, st));
  return !walk->deal || !deal_is_whole(walk->deal) || find_others(walk, scratch, st);
}

bool walk_run(const Walk *walk, Arena scratch, Status *st) {
  int *lane;
  TRY(ahead_open(&scratch, walk, &lane, st));
  bool ok = run_batches(walk, lane, scratch, st);
  ahead_close(walk, lane);
  return ok;
}

size_t walk_stream_bytes(int T, int D, int sides) {
  return 2 * (size_t)sides * (size_t)T * (size_t)D * sizeof(double);
}

size_t walk_bytes(size_t block_bytes, int T, int D, int sides, int together) {
  return (size_t)together * block_bytes + walk_stream_bytes(T, D, sides);
}
