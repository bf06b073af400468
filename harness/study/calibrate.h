/* calibrate: the static activation scales of every layer, from text run through the float32 model.
 * Window i of `windows` starts at token floor(i * (count - length) / max(windows - 1, 1)), each from state zero.
 * s_in, s_xz, s_dbc, s_dt, s_o: absolute maximum over all windows of norm, in_proj, x_proj, dt_proj, out_proj_in.
 * s_u, s_h: per window the alpha-quantile of |conv1d_silu| and |ssm_state|, combined as m += 0.01 (new - m).
 * Source: the observers of Quamba's quantiser. */
#ifndef DS_STUDY_CALIBRATE_H
#define DS_STUDY_CALIBRATE_H
#include "base/digest.h"
#include "walk/subject.h"

struct ScaleChoice; /* a row of measure/tables.h */

/* Sets statistic and scale of every layer: a walk of its windows under fp32, abreast. Refuses a text shorter than one
 * window, and activations that are not finite (layer and tensor named). choice [choices_count]: what other scales would
 * do, from the same walk (study/choices.h); NULL: not asked for. */
bool calibrate(Model *model, const int32_t *token, int64_t count, const Calibration *how, struct ScaleChoice *choice,
               Progress *progress, Arena scratch, Status *st);
/* Bytes of scratch that calibrate needs with so many threads. */
size_t calibrate_bytes(const Config *config, const Calibration *how, bool choices, int threads);

/* The statistics as a JSON text {"key": …, "digest": …, "layers": [{"s_in": …}, …]}, with the choices where there are
 * some ("choices" of each layer); the digest of key and values; to be freed by the caller. */
char *calibration_json(const Model *model, const struct ScaleChoice *choice, const Digest *key);
typedef enum CalibrationFound { CALIBRATION_NONE, CALIBRATION_DAMAGED, CALIBRATION_TAKEN } CalibrationFound;
/* Takes the statistics from such a file, and the choices where they are asked for: there is none, one of another key or
 * one without choices; it is not as it was written; or they are taken. Only then do the model and `choice` hold
 * anything to be relied on: a cache is made again, not repaired. */
CalibrationFound calibration_load(const char *path, const Digest *key, Model *model, struct ScaleChoice *choice,
                                  Arena scratch);

/* The scales of a loaded subject that has a text to calibrate on, and where the spec asks for `mend` the choices, in
 * the arena. Statistics are taken from and left in `cache` (a folder; NULL: no cache). */
bool calibrate_subject(Arena *arena, const Spec *spec, const char *cache, Progress *progress, Subject *subject,
                       Status *st);

#endif
