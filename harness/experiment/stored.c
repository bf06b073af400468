/* stored: what the run's own file and journal hold of its sides, for the studies that follow. A
 * prompt and a side are found by their names; a prompt that was cut is another one. Among several
 * hosts nothing is read: a network's file system may show one of them what another has written only
 * when it opens the file anew. */
#include <assert.h>
#include <string.h>

#include "base/ranks.h"
#include "experiment/run.h"

/* Numbers of both as the store has them; whether it has them. */
static bool find(const Experiment *e, const PromptShape *prompt, const char *name, int *p,
                 int *side) {
  const PromptShape *own = e->subject.prompt;
  for (*p = 0; *p < e->spec->prompt_count; ++*p)
    if (!strcmp(own[*p].name, prompt->name) && own[*p].T == prompt->T) break;
  for (*side = 0; *side < e->pairs.walked; ++*side)
    if (!strcmp(e->pairs.side[*side].name, name)) break;
  return *p < e->spec->prompt_count && *side < e->pairs.walked;
}

/* What left a layer, which the journal may have where the file does not. */
static TensorSet out_of(const Experiment *e) {
  return tensors_in(&e->subject.checkpoint.config.family->tensors, ROLE_BLOCK_OUT, ROLE_BLOCK_OUT);
}

static TensorSet ends_of(const Experiment *e) {
  const Tensors *tensors = &e->subject.checkpoint.config.family->tensors;
  TensorSet ends = 0;
  for (int id = tensors->layer; id < tensors->count; id++) ends |= (TensorSet)1 << id;
  return ends & ~tensors_in(tensors, ROLE_EMBEDDING, ROLE_EMBEDDING);
}

static bool in_journal(const Experiment *e, int p, int layer, TensorSet set) {
  const bool last = layer == e->subject.model.layers - 1;
  return (last ? set : set & ~ends_of(e)) == out_of(e) && store_holds_stream(e->store, p, layer);
}

static bool has(void *context, const PromptShape *prompt, const char *name, int layer,
                TensorSet set) {
  const Experiment *e = context;
  int p, side;
  return ranks()->hosts == 1 && find(e, prompt, name, &p, &side) &&
         (store_holds(e->store, p, layer, side, set) || in_journal(e, p, layer, set));
}

static bool read(void *context, const PromptShape *prompt, const char *name, int layer,
                 TensorSet set, Arena *arena, Trace *trace, Status *st) {
  Experiment *e = context;
  int p, side;
  *trace = (Trace){.family = e->subject.model.config.family};
  assert(has(context, prompt, name, layer, set));
  find(e, prompt, name, &p, &side);
  if (store_holds(e->store, p, layer, side, set))
    return store_reread(arena, e->store, p, layer, side, set, trace->t, st);
  return store_read_stream(arena, e->store, p, layer, side, trace_role(trace, ROLE_BLOCK_OUT), st);
}

StoredTensors run_stored(Experiment *e) {
  return (StoredTensors){
      .context = e, .out = out_of(e), .ends = ends_of(e), .has = has, .read = read};
}
