/* trace: from an event (measure/events.h) back through its layer to the element where it begins.
 *
 * Tensor by tensor, in the order of computation, the elements that differ most (up to the event's
 * token, and more than TRACE_STANDS_OUT times the root mean square of the tensor's difference) are
 * set, one at a time, to the value that the other side has there, and the layer is run again
 * (source/repaired.h): what goes of the token's squared error of block_out is what that element
 * made. The origin is the earliest that makes at least half, or, where that is not clipped itself,
 * the same element in another format behind it that is; where none does, the error is spread: no
 * single element explains it, and the one that makes most is named as that. No operator is taken
 * backwards for it, so none that mixes channels (the Hadamard transform, a projection) hides an
 * element.
 *
 * Of two modes the one is repaired whose value is clipped there: which lies on its grid, and the
 * other's value beyond the grid's end; else `other`. */
#ifndef DS_STUDY_TRACE_H
#define DS_STUDY_TRACE_H
#include "measure/tables.h"
#include "study/study.h"

#define TRACE_STANDS_OUT 6.0
#define TRACE_MAKES 0.5

/* What a trace starts from, and what it finds. */
typedef struct Suspect {
  const char *base, *other; /* the pair, whose difference is looked at */
  int prompt;               /* of the subject */
  int layer;                /* where the token's error grew */
  int token;                /* whose error that is */
  bool asked;               /* by the spec, by name; an event's may be that too */
  Event *event;         /* filled; NULL: the element is given, and its values alone are looked up */
  bool of_base;         /* whose element: the base's, else the other's */
  int tensor, row, col; /* the element; tensor ABSENT: nothing stands out */
  double value, value_to; /* in the side that it is of, and in the pair's other side; NaN where one
                             has none */
} Suspect;

typedef struct TraceMaps {
  EventMap *map;
  size_t maps;
} TraceMaps;

/* A walk through the prompts that suspects stand in, up to the last layer of any. `share`: that of
 * events, and of the tensors that an event went through. Maps are of each pair's largest event, in
 * the arena. */
bool trace_run(Arena *arena, const Study *study, double share, Suspect *suspect, int suspects,
               TraceMaps *maps, Status *st);
/* Bytes of scratch beside the walk's own, for a prompt of T tokens. */
size_t trace_bytes(const Config *config, int T);

/* A side by its name, a mode of the spec or the reference, computed on this host. */
WalkSide trace_side(const Study *study, const char *name);
/* Index of the side of this name among those; added behind them where it is not there. */
int trace_find_side(const Study *study, WalkSide *side, int *sides, const char *name);
#endif
