/* ahead: the weights that the sides of a walk ask for, here and where some compute ahead; and those
 * sides' lanes, the step that is queued and the one that is taken. */
#include "walk/run.h"

/* --- weights ---------------------------------------------------------------------------------- */

static bool ends_in_head(const Walk *w, int s, int layer) {
  return layer == w->layers - 1 && !w->side[s].layers;
}

static Forms forms_of_side(const Walk *w, int s, int layer) {
  const WalkSide *side = &w->side[s];
  return side->source.forms(&side->source, walk_mode(side, layer), ends_in_head(w, s, layer));
}

/* All that is asked of a layer by the sides of one source. */
static Forms forms_of_source(const Walk *w, const Source *source, int layer) {
  Forms forms = {0};
  for (int s = 0; s < w->sides; s++)
    if (layer < walk_layers_of(w, s) && source_same(&w->side[s].source, source))
      forms = forms_of_both(forms, forms_of_side(w, s, layer));
  return forms;
}

/* Whether it stands where it is computed ahead. */
static bool is_there(const Walk *w, int s, int layer) {
  const Source *source = &w->side[s].source;
  const Forms forms = forms_of_source(w, source, layer);
  return source->ahead->has(source, layer, &forms);
}

/* All that the sides ask of this host: those that compute ahead make their own. `any`: whether
 * the layer is needed at all. */
static Forms forms_here(const WalkRun *run, int layer, bool *any) {
  const Walk *w = run->walk;
  Forms forms = {0};
  *any = false;
  for (int s = 0; s < w->sides; s++) {
    if (layer >= walk_layers_of(w, s) || !walk_needs(run, s, layer)) continue;
    *any = true;
    if (!walk_is_ahead(w, s, layer) || w->at_the_call)
      forms = forms_of_both(forms, forms_of_side(w, s, layer));
  }
  return forms;
}

bool ahead_send(const Walk *w, int layer, Status *st) {
  for (int s = 0; s < w->sides; s++) {
    const Source *source = &w->side[s].source;
    if (!walk_is_ahead(w, s, layer) || is_there(w, s, layer)) continue;
    const Forms forms = forms_of_source(w, source, layer);
    TRY(source->ahead->hold(source, layer, &forms, st));
  }
  return true;
}

bool ahead_hold(const WalkRun *run, int layer, Status *st) {
  const Walk *w = run->walk;
  bool any;
  const Forms forms = forms_here(run, layer, &any);
  if (w->weights && any) TRY(layers_hold(w->weights, layer, &forms, st));
  return ahead_send(w, layer, st);
}

/* Whether it can be made elsewhere at once: nobody rides along with it any more. */
static bool is_ready(const Walk *w, int layer) {
  return !w->weights || layers_ready(w->weights, layer, &(Forms){0});
}

/* --- lanes ------------------------------------------------------------------------------------ */

TensorSet ahead_back(const Walk *w) {
  TensorSet back = 0;
  for (int v = 0; v < w->visitors; v++) {
    if (!w->visitor[v].looks_at) return TENSORS_ALL;
    back |= w->visitor[v].looks_at;
  }
  return back;
}

void ahead_close(const Walk *w, const int *lane) {
  for (int s = 0; s < w->sides; s++)
    if (lane[s] >= 0) w->side[s].source.ahead->close(&w->side[s].source, lane[s]);
}

bool ahead_open(Arena *arena, const Walk *w, int **lane, Status *st) {
  const TensorSet back = ahead_back(w);
  int longest = 0;
  *lane = ARENA_NEW(arena, int, w->sides);
  for (int p = 0; p < w->prompts; p++)
    longest = w->prompt[p].T > longest ? w->prompt[p].T : longest;
  for (int s = 0; s < w->sides; s++) (*lane)[s] = -1;
  for (int s = 0; s < w->sides; s++) {
    const Source *source = &w->side[s].source;
    const bool ahead = walk_is_ahead(w, s, walk_layers_of(w, s) - 1);
    if (ahead && ((*lane)[s] = source->ahead->open(source, longest, back, st)) < 0) {
      ahead_close(w, *lane);
      return false;
    }
  }
  return true;
}

/* --- steps ------------------------------------------------------------------------------------ */

static bool any_ahead(const Walk *w, int layer) {
  for (int s = 0; s < w->sides; s++)
    if (walk_is_ahead(w, s, layer)) return true;
  return false;
}

/* To whoever looks at it there, where all sides are. */
static void show_queued(const WalkRun *run, const Way *way, int layer) {
  const Walk *w = run->walk;
  const WalkPlace at = {way->prompt, layer, way->shape, w->side, w->sides, run};
  for (int s = 0; s < w->sides; s++) {
    const Source *source = &w->side[s].source;
    if (!walk_is_ahead(w, s, layer)) return;
    run->there[s] = source->ahead->there(source, run->lane[s]);
  }
  for (int v = 0; v < w->visitors; v++)
    if (w->visitor[v].queued)
      w->visitor[v].queued(w->visitor[v].context, &at, run->there, run->brought);
}

static void bring(const WalkRun *run, int layer) {
  const Walk *w = run->walk;
  for (int s = 0; s < w->sides; s++)
    if (walk_is_ahead(w, s, layer))
      w->side[s].source.ahead->bring(&w->side[s].source, run->lane[s], run->brought[s]);
}

static void queue_step(WalkRun *run, int way, int layer) {
  const Walk *w = run->walk;
  const Way *of = &run->way[way];
  if (!any_ahead(w, layer)) return;
  for (int s = 0; s < w->sides; s++) {
    const Source *source = &w->side[s].source;
    if (!walk_is_ahead(w, s, layer)) continue;
    const Tensor *stream = &of->lane[s].half[layer % 2];
    const bool goes_on = layer > of->first && layer > source->ahead_from && !run->several;
    source->ahead->queue(source, run->lane[s],
                         &(SourceStep){.prompt = of->shape,
                                       .mode = walk_mode(&w->side[s], layer),
                                       .layer = layer,
                                       .head = ends_in_head(w, s, layer),
                                       .stream = goes_on ? NULL : stream});
  }
  for (int s = 0; s < w->sides; s++) run->brought[s] = run->back;
  show_queued(run, of, layer);
  bring(run, layer);
  run->queued_way = way;
  run->queued_layer = layer;
}

/* Whether a side's next layer is its first one ahead: what leaves this layer is not there yet. */
static bool any_joins(const Walk *w, int layer) {
  bool joins = false;
  for (int s = 0; s < w->sides; s++)
    joins |= walk_is_ahead(w, s, layer + 1) && !walk_is_ahead(w, s, layer);
  return joins;
}

/* The step behind this one, where this host has its weights already: of another layer they are sent
 * before. */
static bool queue_next(WalkRun *run, int way, int layer, Status *st) {
  run->queued_layer = -1;
  for (int next = way + 1; next < run->ways; next++)
    if (run->way[next].first <= layer) {
      queue_step(run, next, layer);
      return true;
    }
  if (run->by_layer || any_joins(run->walk, layer)) return true;
  for (int next = 0; layer + 1 < walk_last_layer(run->walk) && next <= way; next++)
    if (run->way[next].first <= layer + 1) {
      if (!is_ready(run->walk, layer + 1)) return true;
      TRY(ahead_send(run->walk, layer + 1, st));
      queue_step(run, next, layer + 1);
      return true;
    }
  return true;
}

/* Whether what leaves a layer of a side is the way of another, which parts with it there. */
static bool is_parted_with(const WalkRun *run, int s, int layer) {
  bool parted = false;
  for (int i = 0; i < run->walk->sides; i++)
    parted |= run->companion[i].parts == layer + 1 && walk_runner(run, i, layer) == s;
  return parted;
}

bool ahead_take(WalkRun *run, Way *of, int layer, Trace *trace, Status *st) {
  const Walk *w = run->walk;
  const int way = (int)(of - run->way);
  const Source *waited = NULL;
  if (!any_ahead(w, layer)) return true;
  if (run->queued_way != way || run->queued_layer != layer) queue_step(run, way, layer);
  for (int s = 0; s < w->sides; s++) {
    WalkSide *side = &w->side[s];
    const Source *source = &side->source;
    if (!walk_is_ahead(w, s, layer)) continue;
    if (!waited || !source_same(source, waited)) TRY(source->ahead->wait(source, st));
    waited = source;
    side->time_s += source->ahead->take(source, run->lane[s], &trace[s]);
    if (run->several || is_parted_with(run, s, layer))
      way_put_stream(&of->lane[s], layer + 1, trace_role(&trace[s], ROLE_BLOCK_OUT));
    TRY(source->check(source, walk_mode(side, layer), layer, &trace[s], st));
  }
  return queue_next(run, way, layer, st);
}

bool ahead_send_next(WalkRun *run, int layer, Status *st) {
  const Walk *w = run->walk;
  if (!w->weights || !any_ahead(w, layer)) return true;
  if (w->weights->places < 2) return true; /* the next would take the place of this one */
  int way = 0;
  while (run->way[way].first > layer) way++;
  if (run->queued_layer != layer || run->queued_way != way) queue_step(run, way, layer);
  return layer + 1 >= walk_last_layer(w) || ahead_hold(run, layer + 1, st);
}
