#include "study/pairs_there.h"

#include "measure/device.h"

static bool make_room(Cuda *cuda, PairsTurn *turn, StatsDeviceBytes bytes) {
  if (turn->room_bytes < bytes.device) {
    if (turn->room) cuda_release(cuda, turn->room);
    turn->room = cuda_reserve(cuda, bytes.device);
    turn->room_bytes = turn->room ? bytes.device : 0;
  }
  if (turn->pinned_bytes < bytes.pinned) {
    if (turn->pinned) cuda_unpin(cuda, turn->pinned);
    turn->pinned = cuda_pinned(cuda, bytes.pinned);
    turn->pinned_bytes = turn->pinned ? bytes.pinned : 0;
  }
  return turn->room && turn->pinned;
}

bool pairs_there_queue(PairsThere *there, int prompt, int layer, const StatsJob *job, int jobs) {
  PairsTurn *turn = &there->turn[there->queued++ % 2];
  turn->layer = ABSENT;
  for (int i = 0; i < jobs; i++)
    if (!stats_device_can(&job[i])) return false;
  if (!make_room(there->cuda, turn, stats_device_bytes(job, jobs))) return false;
  stats_device_queue(there->cuda, job, jobs, turn->room, turn->pinned);
  turn->prompt = prompt;
  turn->layer = layer;
  return true;
}

const void *pairs_there_take(PairsThere *there, int prompt, int layer) {
  for (int i = 0; i < 2; i++) {
    PairsTurn *turn = &there->turn[i];
    if (turn->prompt != prompt || turn->layer != layer) continue;
    turn->layer = ABSENT;
    return turn->pinned;
  }
  return NULL;
}

void pairs_there_free(PairsThere *there) {
  for (int i = 0; i < 2; i++) {
    if (there->turn[i].room) cuda_release(there->cuda, there->turn[i].room);
    if (there->turn[i].pinned) cuda_unpin(there->cuda, there->turn[i].pinned);
  }
  *there = (PairsThere){0};
}
