/* calibrate: the static activation scales of every layer, from text run through the float32 model.
 * Window i of `windows` starts at token floor(i * (count - length) / max(windows - 1, 1)), each
 * from state zero. s_in, s_xz, s_dbc, s_dt, s_o: absolute maximum over all windows of norm,
 * in_proj, x_proj, dt_proj, out_proj_in. s_u, s_h: per window the alpha-quantile of |conv1d_silu|
 * and |ssm_state|, combined as m += 0.01 (new - m).
 * Source: the observers of Quamba's quantiser. */
#ifndef DS_STUDY_CALIBRATE_H
#define DS_STUDY_CALIBRATE_H
#include "source/cuda.h"
#include "spec/spec.h"
#include "walk/walk.h"

struct ScaleChoice; /* a row of measure/tables/scales.h */

/* What is asked of a calibration. */
typedef struct CalibrationAsked {
  Model *model; /* whose scales are set */
  const int32_t *token;
  int64_t count;
  Calibration how;            /* text: for messages */
  struct ScaleChoice *choice; /* [choices_count]: what other scales would do, from the same walk
                               * (study/choices.h); NULL: not asked for */
  const double *alpha; /* [alphas], at most GRID_ALPHAS_MAX: others than the calibration's, */
  int alphas;
  double *statistic; /* [layers][scales][alphas]: whose statistics go here; NaN of a scale that is
                      * made from a maximum, which no alpha changes */
  Device *device;    /* where the windows run; NULL: on this host */
  bool sparing;      /* what a layer took of memory is given back before the next */
  const Keeper *keeper; /* where windows are kept layer by layer; NULL: they are not */
} CalibrationAsked;

/* A walk of all windows under the family's float preset that goes on a layer at a time: abreast, or
 * one after the other on a device. The text holds at least one window. */
typedef struct Calibrator Calibrator;
bool calibrate_begin(Arena *arena, const CalibrationAsked *asked, Calibrator **calibrator,
                     Status *st);
/* The next layer, from 0, which is held in the preset's forms: sets its statistics, also those at
 * other alphas, and scales; behind the last layer the choices. Refuses activations that are not
 * finite (layer and tensor named). */
bool calibrate_layer(Calibrator *calibrator, int layer, Status *st);
/* Bytes that it takes with so many threads; 0: where a device runs the windows. `alphas`: others
 * than the calibration's. */
size_t calibrate_bytes(const Config *config, const Calibration *how, bool choices, int alphas,
                       int threads);
/* All layers of a model that are held already. */
bool calibrate(Model *model, const int32_t *token, int64_t count, const Calibration *how,
               struct ScaleChoice *choice, Arena scratch, Status *st);

#endif
