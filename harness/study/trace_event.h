/* trace_event: one event of a trace, in its layer: the element where it begins, what that makes,
 * and through which tensors the token's error goes. Internal to study/trace.c. Several threads may,
 * each with an event of its own. */
#ifndef DS_STUDY_TRACE_EVENT_H
#define DS_STUDY_TRACE_EVENT_H
#include "study/trace.h"

/* A suspect in its layer. */
typedef struct Scene {
  const Study *study;
  const WalkPlace *at;
  Suspect *suspect;
  const WalkSide *base_side, *other_side;
  const Trace *base, *other;
  double limit;
} Scene;

static inline const Tensors *scene_tensors(const Scene *s) {
  return &s->study->subject->model.config.family->tensors;
}

/* Fills the suspect's element and its event. */
void trace_event(const Scene *s, Arena scratch);
/* The values alone of an element that is given. */
void trace_values(const Scene *s);
/* Bytes of scratch for a prompt of T tokens: what is computed again, and a tensor's differences. */
size_t trace_event_bytes(const Config *config, int T);
#endif
