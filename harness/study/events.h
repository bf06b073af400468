/* events: what the tokens of all prompts carry (measure/events.h), where the largest events begin
 * (study/trace.h), and the proof: a mode run again with that one element at the other side's value,
 * as a side of a walk, and what that changes layer by layer and at the end. */
#ifndef DS_STUDY_EVENTS_H
#define DS_STUDY_EVENTS_H
#include "measure/tables.h"
#include "study/study.h"

typedef struct EventRows {
  Event *event;
  Repair *repair;
  RepairLayer *layer;
  EventStrip *strip;
  EventMap *map;
  size_t events, repairs, layers, strips, maps;
} EventRows;

/* Refuses a repair that the spec names outside of the model or the prompt. Before the subject is
 * loaded. */
bool events_check(const Spec *spec, const Subject *subject, Status *st);
/* Of the token errors of all prompts and layers. Repairs go on at the first prompt whose are not
 * kept. */
bool events_run(Arena *arena, const Study *study, const TokenErrors *rows, size_t count,
                EventRows *events, Status *st);
/* Bytes of scratch for prompts of at most T tokens; T 0: there are none. */
size_t events_bytes(const Spec *spec, const Config *config, int T);
/* And pinned, for what comes back of a device. */
size_t events_pinned_bytes(const Spec *spec, const Config *config, int T);
#endif
