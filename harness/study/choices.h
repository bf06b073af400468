/* choices: what the calibration pass gathers beside its statistics where a spec asks what other
 * scales would do: how often each magnitude occurs in the tensor of every static scale, and the
 * largest of each channel, over all windows. Counts and maxima, so no order matters. Channels are a
 * tensor's columns where its rows are tokens, else its rows. */
#ifndef DS_STUDY_CHOICES_H
#define DS_STUDY_CHOICES_H
#include <jansson.h>

#include "base/digest.h"
#include "family/family.h"
#include "measure/observe.h"
#include "measure/scale_choice.h"
#include "measure/tables.h"

typedef struct Choices {
  const Config *config;
  uint64_t *count;            /* [layers][scales][MAGNITUDE_BINS] */
  uint32_t *channel;          /* [layers][channels of all scales]: bits of the largest magnitude */
  int first[SCALES_MOST + 1]; /* of a scale's channels */
} Choices;

/* Whether a scale's channels are its tensor's columns. */
bool choices_by_token(const Family *family, int scale);

Choices choices_begin(Arena *arena, const Config *config);
/* Bytes that choices_begin takes, and choices_rows of scratch; and of scratch choices_gather. */
size_t choices_bytes(const Config *config);
size_t choices_window_bytes(const Config *config);
/* A window's tensor of this scale, float32 and finite; by several threads at a time. */
void choices_gather(const Choices *choices, int layer, int scale, const Tensor *t, Arena scratch);
/* The same of a tensor that was counted elsewhere. */
void choices_observed(const Choices *choices, int layer, int scale, const Observed *of,
                      Arena scratch);

/* Rows of every layer, scale and choice: [layers][scales][SCALE_CHOICES]. */
size_t choices_count(const Config *config);
ScaleChoice *choices_row(ScaleChoice *rows, const Family *family, int layer, int scale,
                         ScaleChoiceKind kind);
/* All of them, of a model that is calibrated; statistic [layers][scales][step]: of each the first
 * CHOICE_QUANTILES are those of the calibration at other quantiles, of the scales that are made
 * from one. */
void choices_rows(const Choices *choices, const Model *model, const double *statistic, int step,
                  ScaleChoice *rows, Arena scratch);

/* A layer's rows as a JSON value; and from one, false where it could not have been written so. */
json_t *choices_json(const ScaleChoice *rows, const Family *family, int layer);
bool choices_take(const json_t *json, const Family *family, int layer, ScaleChoice *rows);
/* Of a layer's numbers, to the last bit. */
Digest choices_digest(const ScaleChoice *rows, const Family *family, int layer);
#endif
