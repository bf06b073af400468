#include "study/calibrate_there.h"

#include <assert.h>

#include "study/choices.h"

static Tensor shape_of(const Config *c, int id, int T) {
  const TensorInfo *info = &c->family->tensors.info[id];
  return (Tensor){.format = FORMAT_F32,
                  .rows = info->rows == DIM_TOKEN ? T : c->family->width(c, info->rows),
                  .cols = c->family->width(c, info->cols)};
}

bool scales_there_begin(Cuda *cuda, const Config *config, int T, const double *alpha, int alphas,
                        bool choices, ScalesThere *there, Status *st) {
  const Family *family = config->family;
  *there = (ScalesThere){.cuda = cuda,
                         .family = family,
                         .list = {.of = there->tensor,
                                  .tensors = family->tensors.scales,
                                  .fraction = alpha,
                                  .fractions = alphas,
                                  .counts_and_channels = choices}};
  for (int s = 0; s < family->tensors.scales; s++)
    there->tensor[s] = (ObserveTensor){.t = shape_of(config, family->scale[s].tensor, T),
                                       .quantiles = family->scale[s].quantile,
                                       .by_row = !choices_by_token(family, s)};
  const size_t room = observe_bytes(&there->list), pinned = observe_pinned_bytes(&there->list);
  for (int i = 0; i < 2; i++) {
    there->turn[i] = (ScalesTurn){cuda_reserve(cuda, room), cuda_pinned(cuda, pinned), 0, ABSENT};
    if (there->turn[i].room && there->turn[i].pinned) continue;
    scales_there_free(there);
    return FAIL(st,
                "%s: %.0f MB there and %.1f MB that it may copy to cannot be had for the "
                "calibration's statistics (backend cpu needs none)",
                cuda->name, 1e-6 * (double)room, 1e-6 * (double)pinned);
  }
  return true;
}

void scales_there_queue(ScalesThere *there, int window, int layer, const Trace *trace) {
  ScalesTurn *turn = &there->turn[there->queued++ % 2];
  for (int s = 0; s < there->list.tensors; s++)
    there->tensor[s].t = trace->t[there->family->scale[s].tensor];
  observe_queue(there->cuda, &there->list, turn->room, turn->pinned);
  turn->window = window;
  turn->layer = layer;
}

Observed scales_there_take(const ScalesThere *there, int window, int layer, int scale) {
  const ScalesTurn *turn = there->turn;
  if (turn->window != window || turn->layer != layer) turn++;
  assert(turn->window == window && turn->layer == layer);
  return observe_take(&there->list, scale, turn->pinned);
}

void scales_there_free(ScalesThere *there) {
  for (int i = 0; i < 2; i++) {
    if (there->turn[i].room) cuda_release(there->cuda, there->turn[i].room);
    if (there->turn[i].pinned) cuda_unpin(there->cuda, there->turn[i].pinned);
  }
  *there = (ScalesThere){0};
}
