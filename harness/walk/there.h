/* there: what of a subject is computed on a device; internal to walk/. */
#ifndef DS_WALK_THERE_H
#define DS_WALK_THERE_H
#include "walk/subject.h"

/* After its layers were opened: places for modes and reference where it has a device. */
bool there_load(Arena *arena, const Spec *spec, Subject *subject, Status *st);
/* The reference with the weights as they stand in the checkpoint, of which one layer at a time is
 * there; until it is done with. */
bool there_plain(Arena *arena, const Subject *subject, const Weights64 *plain, Source *source,
                 Status *st);
void there_plain_done(Source *source);

#endif
