/* calibration: what a calibration found, as a file that the next run takes it from. */
#ifndef DS_STUDY_CALIBRATION_H
#define DS_STUDY_CALIBRATION_H
#include "base/arena.h"
#include "base/digest.h"
#include "base/file.h"
#include "family/family.h"

struct ScaleChoice; /* a row of measure/tables/scales.h */

/* What is found. */
typedef struct CalibrationValues {
  Model *model;               /* its statistics, and the scales that follow */
  struct ScaleChoice *choice; /* [choices_count]; NULL: not asked for */
  double *statistic;          /* [layers][scales][alphas]: at other alphas, which the key says; NaN
                                 of a scale that is made from a maximum */
  int alphas;                 /* 0: none asked for */
} CalibrationValues;
size_t calibration_statistics(const CalibrationValues *values); /* numbers in it */

/* The statistics as a JSON text {"key": …, "digest": …, "layers": [{"s_in": …}, …]}, with the
 * choices and the statistics at other alphas where there are some ("choices" and "alphas" of each
 * layer); the digest of key and values; to be freed by the caller. */
char *calibration_json(const CalibrationValues *values, const Digest *key);
typedef enum CalibrationFound {
  CALIBRATION_NONE,
  CALIBRATION_OTHER,   /* of another key */
  CALIBRATION_LESS,    /* without the choices that are asked for */
  CALIBRATION_DAMAGED, /* not as it was written */
  CALIBRATION_TAKEN
} CalibrationFound;
/* Takes what is asked for from such a file. Only where all is taken do the values hold anything to
 * be relied on: a cache is made again, not repaired. */
CalibrationFound calibration_load(const char *path, const Digest *key,
                                  const CalibrationValues *values, Arena scratch);
/* The same of its text. */
CalibrationFound calibration_of(Bytes text, const Digest *key, const CalibrationValues *values,
                                Arena scratch);
/* Fails where something else has this name: a calibration would replace it. */
bool calibration_may_stand(const char *path, Status *st);
#endif
