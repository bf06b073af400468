/* state: the scan's recurrent state after every token, the kernel's against float64's: how its
 * error grows, where it is worst, and whether slow decay is the reason.
 * The kernel hands out its state only after the last token. Run with one state, C = 1 and D = 0,
 * its y is that state, bit by bit, after every token and in either order: y = fmaf(h, 1, 0).
 * A token's state is [channels][states]: channels do not mix in it, so for the state the channel is
 * what the token is elsewhere. Pooled figures may be those of a few channels; beside them stands
 * the median over channels of a channel's own (measure/row_error.h), which says what happens to the
 * state of a channel as most are. */
#ifndef DS_STUDY_MICRO_STATE_H
#define DS_STUDY_MICRO_STATE_H
#include "study/micro/rows.h"

/* The state of the first channels after every token, as the kernel computes it. */
typedef struct StateTrack {
  int T, E, N;  /* E: channels looked at */
  double *got;  /* [T, E, N] */
  BoundOut ref; /* want and bound, [T, E, N] */
} StateTrack;

/* As many channels as give at most 2^21 values. */
void state_track(Arena *arena, const Operator *scan, StateTrack *track);
/* A row of state_drift and the rows of state_error; `o` has run and has its reference. */
void state_measure(MicroRows *rows, int item, const Operator *o, Arena scratch);

/* A law fitted to errors at tokens (from 1 on); intervals of 95 %. */
typedef struct StateLaw {
  double power, power_low, power_high, power_residual;
  double level, level_low, level_high, tokens_to_level, level_residual;
  const char *law; /* "power", "saturation", "none" */
} StateLaw;
StateLaw state_fit(const double *token, const double *rms, size_t n, Arena scratch);

#endif
