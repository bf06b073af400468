/* calibrate_subject: where a subject has its activation scales from: the file that an earlier
 * calibration left, or one that rides along with whoever holds its layers first. */
#ifndef DS_STUDY_CALIBRATE_SUBJECT_H
#define DS_STUDY_CALIBRATE_SUBJECT_H
#include "walk/subject.h"

/* The scales of a loaded subject that has a text to calibrate on, where the spec asks for `mend`
 * the choices, and where it asks for a grid the statistics at its alphas, in the arena: from
 * `cache` (a folder; NULL: no cache), or by riding along with whoever holds its layers first, and
 * then left there. A layer has its scales when it is first held. */
bool calibrate_subject(Arena *arena, const Spec *spec, const char *cache, const Keeper *keeper,
                       Progress *progress, Subject *subject, Status *st);
/* Whether it may be left there: fails where `cache` has something else of that name. */
bool calibrate_may_leave(const Subject *subject, const char *cache, Arena scratch, Status *st);
/* The scale as it is at alpha `number` of the spec's grid; bit by bit that of a calibration at this
 * alpha. Of a subject whose layers were all held. */
float calibrate_scale_at(const Spec *spec, const Subject *subject, int layer, int scale,
                         int number);

#endif
