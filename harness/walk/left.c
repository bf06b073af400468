/* left: what the prompts of a walk left in the journal, whole or on their way, and taken from there
 * again. */
#include <string.h>

#include "walk/run.h"

static const char *left_name(const Walk *w, int visitor, int prompt, Arena *arena) {
  return arena_printf(arena, "%s.%d.prompt_%04d", w->name, visitor, prompt);
}

/* What a visitor left in a prompt, from the keeper; `found` false where it was not kept, or not as
 * much. */
static bool find_left(const Walk *w, const char *name, void *memory, size_t bytes, bool *found,
                      Arena scratch, Status *st) {
  const void *kept;
  size_t size;
  TRY(w->keeper->find(w->keeper->context, &scratch, name, &kept, &size, st));
  *found = kept && size == bytes;
  if (*found) memcpy(memory, kept, bytes);
  return true;
}

bool left_each(const Walk *w, int prompt, bool keep, bool *all, Arena scratch, Status *st) {
  *all = w->keeper != NULL && w->visitors > 0;
  for (int v = 0; *all && v < w->visitors; v++) {
    const Visitor *visitor = &w->visitor[v];
    size_t bytes = 0;
    void *memory = visitor->left ? visitor->left(visitor->context, prompt, &bytes) : NULL;
    const char *name = left_name(w, v, prompt, &scratch);
    *all = memory != NULL;
    if (*all && !keep) TRY(find_left(w, name, memory, bytes, all, scratch, st));
    if (*all && keep) TRY(w->keeper->keep(w->keeper->context, name, memory, bytes, st));
  }
  return true;
}

/* On its way: how many layers are done, what the visitor has of them, and the streams that the next
 * one starts from. */
typedef struct OnWay {
  int32_t done, sides;
  uint64_t left, stream; /* bytes: of the visitor's, and of all streams together */
} OnWay;

/* NULL where the visitor leaves nothing. */
static void *on_way_left(const Walk *w, int prompt, size_t *bytes) {
  const Visitor *visitor = w->visitor;
  *bytes = 0;
  return w->keeper && visitor->left ? visitor->left(visitor->context, prompt, bytes) : NULL;
}

static const char *on_way_name(const Walk *w, int prompt, Arena *arena) {
  return arena_printf(arena, "%s.on_way.prompt_%04d", w->name, prompt);
}

size_t left_stream_bytes(const Walk *w, int side, int T) {
  return (size_t)T * (size_t)w->width * format_size(w->side[side].source.stream);
}

static size_t streams_bytes(const Walk *w, int T) {
  size_t bytes = 0;
  for (int s = 0; s < w->sides; s++) bytes += left_stream_bytes(w, s, T);
  return bytes;
}

/* Of a side that shares this layer, the stream of the one that runs it: another walk of the same
 * sides, elsewhere, may share less. A side at its end has none of its own: its bytes are kept all
 * the same, whatever they are. */
bool left_keep_on_way(const WalkRun *run, const Way *way, Arena scratch, Status *st) {
  const Walk *w = run->walk;
  const int T = way->shape->T;
  size_t bytes;
  const void *left = on_way_left(w, way->prompt, &bytes);
  if (!left || !run->several) return true;
  const OnWay head = {way->done, w->sides, bytes, streams_bytes(w, T)};
  char *image = arena_room(&scratch, sizeof head + bytes + head.stream, 1), *at = image;
  memcpy(at, &head, sizeof head), at += sizeof head;
  memcpy(at, left, bytes), at += bytes;
  for (int s = 0; s < w->sides; s++) {
    const int by = walk_runner(run, s, way->done - 1);
    memcpy(at, way->lane[by].half[way->done % 2].data, left_stream_bytes(w, s, T));
    at += left_stream_bytes(w, s, T);
  }
  return w->keeper->keep(w->keeper->context, on_way_name(w, way->prompt, &scratch), image,
                         (size_t)(at - image), st);
}

bool left_find_on_way(const WalkRun *run, Way *way, Arena scratch, Status *st) {
  const Walk *w = run->walk;
  const int T = way->shape->T;
  size_t bytes, size;
  const void *kept;
  void *left = on_way_left(w, way->prompt, &bytes);
  OnWay head;
  if (!left || !run->several) return true;
  TRY(w->keeper->find(w->keeper->context, &scratch, on_way_name(w, way->prompt, &scratch), &kept,
                      &size, st));
  if (!kept || size < sizeof head) return true;
  memcpy(&head, kept, sizeof head);
  if (head.sides != w->sides || head.left != bytes || head.stream != streams_bytes(w, T) ||
      head.done < 1 || head.done >= walk_last_layer(w) || size != sizeof head + bytes + head.stream)
    return true;
  const char *at = (const char *)kept + sizeof head;
  memcpy(left, at, bytes), at += bytes;
  for (int s = 0; s < w->sides; s++) {
    Tensor *half = &way->lane[s].half[head.done % 2];
    *half = tensor_of(memcpy(half->data, at, left_stream_bytes(w, s, T)), w->side[s].source.stream,
                      T, w->width, 0);
    at += left_stream_bytes(w, s, T);
  }
  way->first = way->done = head.done;
  return true;
}

bool left_keep_done(const WalkRun *run, const Way *way, Arena scratch, Status *st) {
  const Walk *w = run->walk;
  bool kept;
  TRY(left_each(w, way->prompt, true, &kept, scratch, st));
  if (kept && run->several && w->keeper->drop)
    w->keeper->drop(w->keeper->context, on_way_name(w, way->prompt, &scratch));
  return true;
}
