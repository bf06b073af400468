/* stored: what the run's own file holds of its sides, for the studies that follow. A prompt and a
 * side are found by their names; a prompt that was cut is another one. Among several hosts nothing
 * is read: a network's file system may show one of them what another has written only when it opens
 * the file anew. */
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

static bool has(void *context, const PromptShape *prompt, const char *name, int layer,
                TensorSet set) {
  const Experiment *e = context;
  int p, side;
  return ranks()->hosts == 1 && find(e, prompt, name, &p, &side) &&
         store_holds(e->store, p, layer, side, set);
}

static bool read(void *context, const PromptShape *prompt, const char *name, int layer,
                 TensorSet set, Arena *arena, Trace *trace, Status *st) {
  Experiment *e = context;
  int p, side;
  *trace = (Trace){.family = e->subject.model.config.family};
  assert(has(context, prompt, name, layer, set));
  find(e, prompt, name, &p, &side);
  return store_reread(arena, e->store, p, layer, side, set, trace->t, st);
}

StoredTensors run_stored(Experiment *e) {
  return (StoredTensors){.context = e, .has = has, .read = read};
}
