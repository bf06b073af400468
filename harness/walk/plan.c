/* plan: which layers a side of a walk runs. A layer that nobody looks at is run only as the way to
 * one that somebody does; what an earlier side runs is not run again, and what the run has stored
 * is read. */

#include "walk/run.h"

/* --- sides that share their first layers ------------------------------------------------------ */

/* How many layers from the first are the same computation in both; never the last: an end may be
 * gone. */
static int shared_layers(const Walk *w, int a, int b) {
  const WalkSide *x = &w->side[a], *y = &w->side[b];
  int layer = 0,
      most =
          walk_layers_of(w, a) < walk_layers_of(w, b) ? walk_layers_of(w, a) : walk_layers_of(w, b),
      alike = source_alike(&x->source, &y->source);
  while (layer < most - 1 && layer < alike) {
    const Mode *p = walk_mode(x, layer), *q = walk_mode(y, layer);
    if (p != q && (!p || !q || !mode_equal(p, q))) break;
    layer++;
  }
  return layer;
}

void plan_companions(WalkRun *run) {
  const Walk *w = run->walk;
  for (int s = 0; w->share && s < w->sides; s++)
    for (int i = 0; i < s && !walk_is_ahead(w, s, 0); i++) {
      int shared = shared_layers(w, i, s);
      if (shared > run->companion[s].parts) run->companion[s] = (Companion){i, shared};
    }
}

int walk_runner(const WalkRun *run, int s, int layer) {
  while (layer < run->companion[s].parts) s = run->companion[s].follows;
  return s;
}

int walk_whose(const WalkPlace *at, int side) { return walk_runner(at->run, side, at->layer); }

/* --- layers that are left out, or read -------------------------------------------------------- */

/* Where nobody visits, something is timed. */
static bool is_looked_at(const Walk *w, int prompt, int s, int layer) {
  const bool last = layer == walk_layers_of(w, s) - 1;
  bool looked = w->visitors == 0;
  for (int v = 0; v < w->visitors; v++) {
    const Visitor *visitor = &w->visitor[v];
    looked |= visitor->looks ? visitor->looks(visitor->context, prompt, s, layer)
                             : visitor->side || visitor->layer || last;
  }
  return looked;
}

/* Of what is asked of a step, that which is read, the head being run behind it where it must be; 0:
 * not all of it is stored. */
static TensorSet stored_of(const Walk *w, const Way *way, int s, int layer, TensorSet asked) {
  const WalkSide *side = &w->side[s];
  const StoredTensors *stored = w->stored;
  if (!stored || !side->stored || side->source.ahead) return 0;
  if (stored->has(stored->context, way->shape, side->stored, layer, asked)) return asked;
  const TensorSet bare = asked & ~stored->ends;
  const bool with_head = layer == w->layers - 1 && !side->layers && bare != asked;
  return with_head && stored->has(stored->context, way->shape, side->stored, layer, bare) ? bare
                                                                                          : 0;
}

Doing way_doing(const Walk *w, const Way *way, int side, int layer) {
  return way->doing[side * w->layers + layer];
}

TensorSet way_reads(const Walk *w, const Way *way, int side, int layer) {
  return way->reads[side * w->layers + layer];
}

/* From the last side and its last layer on: what a layer needs stands before it, in the side itself
 * or in one that it follows, and is met later. What is asked of a step stands in `reads` first. */
void plan_way(const WalkRun *run, Way *way, Arena *arena) {
  const Walk *w = run->walk;
  const TensorSet out = w->stored ? w->stored->out : TENSORS_ALL;
  way->doing = ARENA_NEW(arena, Doing, w->sides * w->layers);
  way->reads = ARENA_NEW(arena, TensorSet, w->sides * w->layers);
  for (int s = w->sides - 1; s >= 0; s--)
    for (int layer = walk_layers_of(w, s) - 1; layer >= 0; layer--) {
      const int by = walk_runner(run, s, layer);
      TensorSet *asked = &way->reads[by * w->layers + layer];
      if (w->side[s].source.ahead) *asked |= out; /* which computes its layers one by one */
      if (is_looked_at(w, way->prompt, s, layer)) *asked |= run->back | out;
      if (by != s || !*asked) continue;
      Doing *doing = &way->doing[s * w->layers + layer];
      const TensorSet stored = stored_of(w, way, s, layer, *asked);
      *doing = stored ? DOES_READ : DOES_RUN;
      *asked = stored;
      if (*doing == DOES_RUN && layer > 0)
        way->reads[walk_runner(run, s, layer - 1) * w->layers + layer - 1] |= out;
    }
}

/* Of a side without modes nobody but it can run a layer. */
static bool is_computed_with(const Walk *w, int side, int layer) {
  bool computes = false;
  for (int v = 0; v < w->visitors; v++) computes |= w->visitor[v].computes;
  return computes && walk_mode(&w->side[side], layer);
}

bool walk_needs(const WalkRun *run, int side, int layer) {
  const bool with_read = is_computed_with(run->walk, side, layer);
  bool needs = false;
  for (int i = 0; i < run->ways; i++) {
    if (run->way[i].first > layer) continue;
    const Doing doing = way_doing(run->walk, &run->way[i], side, layer);
    needs |= doing == DOES_RUN || (doing == DOES_READ && with_read);
  }
  return needs;
}
