/* repairs: the proof of what a trace found (study/trace.h): a mode run again with that one element
 * at the other side's value, as a side of a walk, and what that changes layer by layer and at the
 * end. The sides as they are stand beside it: run on a device where there is one, else read where
 * the run has stored them, and run where it has not. */
#ifndef DS_STUDY_REPAIRS_H
#define DS_STUDY_REPAIRS_H
#include "study/events.h"
#include "study/trace.h"

/* Rows of all suspects, prompt by prompt, each of an element with values that are finite. */
bool repairs_run(Arena *arena, const Study *study, const Suspect *suspect, int count,
                 EventRows *rows, Status *st);
/* Bytes of scratch for prompts of at most T tokens. */
size_t repairs_bytes(const Spec *spec, const Config *config, int T);
/* And pinned, for what comes back of a device. */
size_t repairs_pinned_bytes(const Config *config, int T);
#endif
