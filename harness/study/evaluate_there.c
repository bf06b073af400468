#include "study/evaluate_there.h"

#include <assert.h>
#include <string.h>

static size_t positions_bytes(const PositionsThere *there) {
  return (size_t)there->sides * (size_t)there->T * sizeof(EvaluationPosition);
}

static size_t targets_bytes(const PositionsThere *there) {
  return (size_t)there->T * sizeof(int32_t);
}

bool positions_there_begin(Cuda *cuda, int sides, int T, PositionsThere *there, Status *st) {
  *there = (PositionsThere){.cuda = cuda, .sides = sides, .T = T};
  const size_t bytes = positions_bytes(there) + targets_bytes(there);
  for (int i = 0; i < 2; i++) {
    there->turn[i] = (PositionsTurn){cuda_reserve(cuda, bytes), cuda_pinned(cuda, bytes), ABSENT};
    if (there->turn[i].room && there->turn[i].pinned) continue;
    positions_there_free(there);
    return FAIL(st,
                "%s: %.1f MB there and as many that it may copy to cannot be had for the "
                "evaluation (backend cpu needs none)",
                cuda->name, 1e-6 * (double)bytes);
  }
  return true;
}

void positions_there_queue(PositionsThere *there, const PromptShape *window, int number,
                           const Trace *const *trace) {
  PositionsTurn *turn = &there->turn[there->queued++ % 2];
  const size_t before = positions_bytes(there);
  int32_t *target = (int32_t *)(void *)(turn->room + before);
  assert(window->T == there->T);
  memcpy(turn->pinned + before, window->token + 1, targets_bytes(there));
  cuda_to_device(there->cuda, target, turn->pinned + before, targets_bytes(there));
  for (int s = 0; s < there->sides; s++)
    evaluation_positions_queue(there->cuda, trace_role_of(trace[0], ROLE_LOGITS),
                               trace_role_of(trace[s], ROLE_LOGITS), target,
                               (EvaluationPosition *)(void *)turn->room + s * there->T);
  cuda_to_host(there->cuda, turn->pinned, turn->room, before);
  turn->window = number;
}

const EvaluationPosition *positions_there_take(const PositionsThere *there, int number, int side) {
  const PositionsTurn *turn = there->turn;
  if (turn->window != number) turn++;
  assert(turn->window == number);
  return (const EvaluationPosition *)(const void *)turn->pinned + side * there->T;
}

void positions_there_free(PositionsThere *there) {
  for (int i = 0; i < 2; i++) {
    if (there->turn[i].room) cuda_release(there->cuda, there->turn[i].room);
    if (there->turn[i].pinned) cuda_unpin(there->cuda, there->turn[i].pinned);
  }
  *there = (PositionsThere){0};
}
