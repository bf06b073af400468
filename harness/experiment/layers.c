/* layers: the walk of an experiment: all prompts under all modes and the reference in lock-step; a
 * layer is measured, stored, and let go. */
#include "experiment/run.h"
#include "report/markdown.h"

/* --- storing a layer -------------------------------------------------------------------------- */

/* The rows of tensors come side by side, their tensors in order: as they are walked here. */
static bool store_layer(Experiment *e, const WalkPlace *at, const Trace *trace,
                        const LayerRows *rows, Arena scratch, Status *st) {
  const Tensors *tensors = &e->subject.checkpoint.config.family->tensors;
  const int block_out = tensors_role(tensors, ROLE_BLOCK_OUT);
  StoreTensor *tensor = ARENA_NEW(&scratch, StoreTensor, at->sides * tensors->count);
  Tensor *stream = ARENA_NEW(&scratch, Tensor, at->sides);
  const TableRows table[] = {{&table_tensor_stats, rows->tensor, (size_t)rows->tensors},
                             {&table_pair_stats, rows->pair, (size_t)rows->pairs},
                             {&table_scales, rows->scale, (size_t)rows->scales},
                             {&table_clipping, rows->clipping, (size_t)rows->clippings},
                             {&table_token_errors, rows->token, (size_t)rows->tokens},
                             {&table_budget, rows->budget, (size_t)rows->budgets}};
  StoreLayer what = {
      .tensor = tensor, .stream = stream, .rows = table, .tables = sizeof table / sizeof *table};
  for (int s = 0; s < at->sides; s++) {
    stream[s] = trace[s].t[block_out];
    for (int id = 0; id < tensors->count; id++)
      if (trace[s].t[id].data) {
        tensor[what.tensors] = (StoreTensor){s, id, &trace[s].t[id], what.tensors};
        what.tensors++;
      }
  }
  return store_put_layer(e->store, at->prompt, at->layer, &what, st);
}

/* --- the visitor ------------------------------------------------------------------------------ */

static bool resume(void *context, int prompt, int *done, Tensor *stream, Arena *arena, Status *st) {
  Experiment *e = context;
  *done = store_layers_done(e->store, prompt, *arena);
  if (*done == 0 || *done == e->subject.model.layers) return true;
  for (int s = 0; s < e->pairs.sides; s++)
    TRY(store_read_stream(arena, e->store, prompt, s, &stream[s], st));
  return true;
}

static bool layer(void *context, const WalkPlace *at, const Trace *trace, Arena scratch,
                  Status *st) {
  Experiment *e = context;
  LayerRows rows;
  TRY(pairs_measure(&e->pairs, at, trace, &rows, &scratch, st));
  return store_layer(e, at, trace, &rows, scratch, st);
}

static void queued(void *context, const WalkPlace *at, const Trace *const *there) {
  pairs_queued(&((Experiment *)context)->pairs, at, there);
}

bool run_layers(Experiment *e, Arena scratch, Status *st) {
  int layers = e->subject.model.layers, prompts = e->spec->prompt_count;
  Visitor visitor = {.context = e, .resume = resume, .layer = layer};
  pairs_begin(&scratch, &e->pairs);
  if (pairs_on_device(&scratch, &e->pairs)) visitor.queued = queued;
  Walk walk = subject_walk(&e->subject, e->pairs.side, e->pairs.sides, e->subject.prompt, prompts);
  walk.visitor = &visitor;
  walk.visitors = 1;
  walk.at_the_call = e->spec->budget_all || e->spec->budget_count > 0;
  walk.progress = e->progress;
  progress_phase(e->progress, "run", layers * prompts);
  bool ok = walk_run(&walk, scratch, st) && pairs_end(&e->pairs, scratch, st);
  if (visitor.queued) pairs_there_free(&e->pairs.there);
  TRY(ok);
  progress_done(e->progress, "%s, %s, %s and the float64 reference",
                md_count((Language)e->progress->language, &scratch, prompts, "prompt"),
                md_count((Language)e->progress->language, &scratch, layers, "layer"),
                md_count((Language)e->progress->language, &scratch, e->spec->mode_count, "mode"));
  return true;
}
