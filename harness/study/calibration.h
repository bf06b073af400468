/* calibration: what a calibration found, as a file that the next run takes it from. */
#ifndef DS_STUDY_CALIBRATION_H
#define DS_STUDY_CALIBRATION_H
#include "base/arena.h"
#include "base/digest.h"
#include "base/file.h"
#include "family/family.h"

struct ScaleChoice; /* a row of measure/tables.h */

/* The statistics as a JSON text {"key": …, "digest": …, "layers": [{"s_in": …}, …]}, with the
 * choices where there are some ("choices" of each layer); the digest of key and values; to be freed
 * by the caller. */
char *calibration_json(const Model *model, const struct ScaleChoice *choice, const Digest *key);
typedef enum CalibrationFound {
  CALIBRATION_NONE,
  CALIBRATION_DAMAGED,
  CALIBRATION_TAKEN
} CalibrationFound;
/* Takes the statistics from such a file, and the choices where they are asked for: there is none,
 * one of another key or one without choices; it is not as it was written; or they are taken. Only
 * then do the model and `choice` hold anything to be relied on: a cache is made again, not
 * repaired. */
CalibrationFound calibration_load(const char *path, const Digest *key, Model *model,
                                  struct ScaleChoice *choice, Arena scratch);
/* The same of its text. */
CalibrationFound calibration_of(Bytes text, const Digest *key, Model *model,
                                struct ScaleChoice *choice, Arena scratch);
#endif
