/* clipped: what int8 makes of each weight of a layer that some mode of the spec takes so there:
 * rows of the table of clipping, a layer at a time. */
#ifndef DS_STUDY_CLIPPED_H
#define DS_STUDY_CLIPPED_H
#include "measure/tables.h"
#include "walk/subject.h"

typedef struct Clipped Clipped;
/* Rides along with the layers of a loaded subject; memory in the arena. */
Clipped *clipped_ride(Arena *arena, const Spec *spec, Subject *subject);
/* Behind the last layer: the rows that a run's layers left, own [owns], and behind them those of
 * the weights. One that the checkpoint lacks has no row. In the arena; the seconds that they
 * took. */
TableRows clipped_rows(Arena *arena, const Clipped *clipped, const Clipping *own, size_t owns,
                       double *time_s);
/* Bytes that it takes with so many threads. */
size_t clipped_bytes(const Config *config, int threads);
#endif
