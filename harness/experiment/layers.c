/* layers: the walk of an experiment: all prompts under all modes and the reference in lock-step; a layer is measured,
 * stored, and let go. */
#include <string.h>

#include "experiment/estimate.h"
#include "experiment/run.h"
#include "report/markdown.h"

/* --- storing a layer ------------------------------------------------------------------------------------------------
 */

static bool put_layer(const Experiment *e, const WalkPlace *at, const Trace *trace, Segment *segment, LayerRows *rows,
                      Arena scratch, Status *st) {
  const Spec *spec = e->spec;
  TensorStats *row = rows->tensor;
  for (int s = 0; s < at->sides; s++) {
    const char *name = at->side[s].name;
    for (TensorId id = 0; id < T_COUNT; id++) {
      if (!trace[s].t[id].data) continue;
      Digest digest;
      TRY(segment_put_tensor(segment, name, id, &trace[s].t[id], estimate_kept(spec, id, at->layer),
                             spec->keep.f16_as == F16_AS_F32, &digest, scratch, st));
      table_text(row->digest, sizeof row->digest, digest.hex);
      row++;
    }
    TRY(segment_put_stream(segment, name, &trace[s].t[T_BLOCK_OUT], scratch, st));
  }
  TRY(segment_put_rows(segment, &table_tensor_stats, rows->tensor, (size_t)rows->tensors, st));
  TRY(segment_put_rows(segment, &table_pair_stats, rows->pair, (size_t)rows->pairs, st));
  TRY(segment_put_rows(segment, &table_scales, rows->scale, (size_t)rows->scales, st));
  return segment_put_rows(segment, &table_budget, rows->budget, (size_t)rows->budgets, st);
}

static bool store_layer(Experiment *e, const WalkPlace *at, const Trace *trace, LayerRows *rows, Arena scratch,
                        Status *st) {
  double start = clock_s();
  Segment segment;
  TRY(segment_create(&e->journal, at->prompt, at->layer, &segment, st));
  bool ok = put_layer(e, at, trace, &segment, rows, scratch, st) && segment_commit(&segment, st);
  if (!ok) segment_abandon(&segment);
  e->store_bytes += segment.bytes;
  e->store_s += clock_s() - start;
  return ok;
}

/* --- the visitor ----------------------------------------------------------------------------------------------------
 */

static bool resume(void *context, int prompt, int *done, Tensor *stream, Arena *arena, Status *st) {
  Experiment *e = context;
  *done = journal_layers_done(&e->journal, prompt, *arena);
  if (*done == 0 || *done == e->subject.model.layers) return true;
  for (int s = 0; s < e->pairs.sides; s++)
    TRY(journal_read_stream(arena, &e->journal, prompt, *done - 1, e->pairs.side[s].name, &stream[s], st));
  return true;
}

static bool layer(void *context, const WalkPlace *at, const Trace *trace, Arena scratch, Status *st) {
  Experiment *e = context;
  LayerRows rows;
  TRY(pairs_measure(&e->pairs, at, trace, &rows, &scratch, st));
  return store_layer(e, at, trace, &rows, scratch, st);
}

bool run_layers(Experiment *e, Arena scratch, Status *st) {
  int layers = e->subject.model.layers, prompts = e->spec->prompt_count;
  Visitor visitor = {.context = e, .resume = resume, .layer = layer};
  Walk walk = subject_walk(&e->subject, e->pairs.side, e->pairs.sides, e->subject.prompt, prompts);
  walk.visitor = &visitor;
  walk.visitors = 1;
  walk.progress = e->progress;
  progress_phase(e->progress, "run", layers * prompts);
  TRY(walk_run(&walk, scratch, st));
  progress_done(e->progress, "%s, %s, %s and the float64 reference",
                md_count((Language)e->progress->language, &scratch, prompts, "prompt"),
                md_count((Language)e->progress->language, &scratch, layers, "layer"),
                md_count((Language)e->progress->language, &scratch, e->spec->mode_count, "mode"));
  return true;
}
