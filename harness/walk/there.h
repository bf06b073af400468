/* there: what of a subject is computed on a device; internal to walk/. */
#ifndef DS_WALK_THERE_H
#define DS_WALK_THERE_H
#include "walk/subject.h"

/* After its layers were opened: places for modes and reference where it has a device. */
bool there_load(Arena *arena, const Spec *spec, Subject *subject, Status *st);

#endif
