#include "study/choices.h"

#include <math.h>

#include "kernels/q8.h"
#include "model/model.h"

bool choices_by_token(const Family *family, int scale) {
  return family->tensors.info[family->scale[scale].tensor].rows == DIM_TOKEN;
}

static int channels_of(const Config *config, int scale) {
  const TensorInfo *info = &config->family->tensors.info[config->family->scale[scale].tensor];
  return config->family->width(config,
                               choices_by_token(config->family, scale) ? info->cols : info->rows);
}

static int channels_of_all(const Config *config) {
  int all = 0;
  for (int s = 0; s < config->family->tensors.scales; s++) all += channels_of(config, s);
  return all;
}

static size_t scales_of_all(const Config *config) {
  return (size_t)config->layers * (size_t)config->family->tensors.scales;
}

Choices choices_begin(Arena *arena, const Config *config) {
  Choices c = {.config = config,
               .count = ARENA_NEW(arena, uint64_t, scales_of_all(config) * MAGNITUDE_BINS)};
  c.channel = ARENA_NEW(arena, uint32_t, config->layers * channels_of_all(config));
  for (int s = 0; s < config->family->tensors.scales; s++)
    c.first[s + 1] = c.first[s] + channels_of(config, s);
  return c;
}

size_t choices_bytes(const Config *config) {
  return scales_of_all(config) * MAGNITUDE_BINS * sizeof(uint64_t) +
         (size_t)config->layers * (size_t)channels_of_all(config) * sizeof(uint32_t) +
         4 * MAGNITUDE_BINS * sizeof(double);
}

size_t choices_window_bytes(const Config *config) {
  return (MAGNITUDE_BINS + (size_t)channels_of_all(config)) * sizeof(uint32_t) + 256;
}

static uint32_t *channels_at(const Choices *c, int layer, int scale) {
  return &c->channel[layer * c->first[c->config->family->tensors.scales] + c->first[scale]];
}

static uint64_t *counts_at(const Choices *c, int layer, int scale) {
  return &c->count[((size_t)layer * (size_t)c->config->family->tensors.scales + (size_t)scale) *
                   MAGNITUDE_BINS];
}

/* In steps, so that the bins of many values are found at once. */
static void count_values(const float *x, int n, uint32_t *count) {
  enum { TOGETHER = 64 };
  int32_t bin[TOGETHER];
  for (; n >= TOGETHER; n -= TOGETHER, x += TOGETHER) {
    for (int i = 0; i < TOGETHER; i++) bin[i] = magnitude_bin(bits_of_f32(x[i]));
    for (int i = 0; i < TOGETHER; i++) count[bin[i]]++;
  }
  for (int i = 0; i < n; i++) count[magnitude_bin(bits_of_f32(x[i]))]++;
}

static uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }

static void take_largest(const float *x, int rows, int cols, bool columns, uint32_t *most) {
  for (int row = 0; row < rows; row++, x += cols)
    if (columns)
      for (int i = 0; i < cols; i++) most[i] = larger(most[i], absmax_bits(x[i]));
    else
      for (int i = 0; i < cols; i++) most[row] = larger(most[row], absmax_bits(x[i]));
}

/* Of a window into what there is of all. */
static void add(const Choices *c, int layer, int scale, const uint32_t *count,
                const uint32_t *most) {
  uint64_t *all = counts_at(c, layer, scale);
  uint32_t *largest = channels_at(c, layer, scale);
  const int channels = channels_of(c->config, scale);
#pragma omp critical(scale_choices)
  {
    for (int i = 0; i < MAGNITUDE_BINS; i++) all[i] += count[i];
    for (int i = 0; i < channels; i++) largest[i] = larger(largest[i], most[i]);
  }
}

void choices_gather(const Choices *c, int layer, int scale, const Tensor *t, Arena scratch) {
  uint32_t *count = ARENA_NEW(&scratch, uint32_t, MAGNITUDE_BINS),
           *most = ARENA_NEW(&scratch, uint32_t, channels_of(c->config, scale));
  for (int row = 0; row < t->rows; row++)
    count_values((const float *)t->data + (size_t)row * (size_t)t->cols, t->cols, count);
  take_largest(t->data, t->rows, t->cols, choices_by_token(c->config->family, scale), most);
  add(c, layer, scale, count, most);
}

void choices_observed(const Choices *c, int layer, int scale, const Observed *of, Arena scratch) {
  uint32_t *count = ARENA_NEW(&scratch, uint32_t, MAGNITUDE_BINS);
  for (uint32_t upper = 0; upper < OBSERVE_UPPER; upper++)
    count[magnitude_bin(upper * OBSERVE_LOWER)] += of->count[upper];
  add(c, layer, scale, count, of->channel);
}

/* --- rows ------------------------------------------------------------------------------------- */

size_t choices_count(const Config *config) { return scales_of_all(config) * SCALE_CHOICES; }

ScaleChoice *choices_row(ScaleChoice *rows, const Family *family, int layer, int scale,
                         ScaleChoiceKind kind) {
  return &rows[(layer * family->tensors.scales + scale) * SCALE_CHOICES + (int)kind];
}

/* Names, and what follows from the numbers that are kept. */
static void finish_row(ScaleChoice *row, const Family *family, int layer, int scale,
                       ScaleChoiceKind kind) {
  row->layer = layer;
  table_text(row->scale, sizeof row->scale, family->tensors.scale[scale]);
  table_text(row->tensor, sizeof row->tensor,
             family->tensors.info[family->scale[scale].tensor].name);
  table_text(row->choice, sizeof row->choice, scale_choice_names[kind]);
  row->grid_end = 127 * row->value;
  row->rel_l2 =
      sqrt(row->rel_l2_clipped * row->rel_l2_clipped + row->rel_l2_rounded * row->rel_l2_rounded);
}

/* Every channel's values at its own scale, rounded evenly; no more than all there is. */
static double rounded_per_channel(const Choices *c, int layer, int scale, const Magnitudes *m) {
  const uint32_t *largest = channels_at(c, layer, scale);
  const int channels = channels_of(c->config, scale);
  double each = magnitudes_number(m) / channels, sum = 0;
  for (int i = 0; i < channels; i++) {
    double step = (double)f32_of_bits(largest[i]) / 127;
    sum += each * step * step / 12;
  }
  return fmin(sum, magnitudes_squares(m));
}

static void make_row(const Choices *c, const Magnitudes *m, int layer, int scale,
                     ScaleChoiceKind kind, double value, ScaleChoice *row) {
  ScaleError e = {.rounded = rounded_per_channel(c, layer, scale, m)};
  if (kind != CHOICE_PER_CHANNEL) e = scale_error(m, value);
  double squares = magnitudes_squares(m);
  *row = (ScaleChoice){.value = kind == CHOICE_PER_CHANNEL ? NAN : value,
                       .values = llround(magnitudes_number(m)),
                       .beyond = llround(e.beyond),
                       .rel_l2_clipped = squares > 0 ? sqrt(e.clipped / squares) : NAN,
                       .rel_l2_rounded = squares > 0 ? sqrt(e.rounded / squares) : NAN};
  finish_row(row, c->config->family, layer, scale, kind);
}

void choices_rows(const Choices *c, const Model *model, const double *statistic, int step,
                  ScaleChoice *rows, Arena scratch) {
  const Family *family = c->config->family;
  for (int layer = 0; layer < c->config->layers; layer++)
    for (int s = 0; s < family->tensors.scales; s++, statistic += step) {
      Arena own = scratch;
      uint32_t most = 0;
      for (int i = 0; i < channels_of(c->config, s); i++)
        most = channels_at(c, layer, s)[i] > most ? channels_at(c, layer, s)[i] : most;
      Magnitudes m = magnitudes_of(&own, counts_at(c, layer, s), (double)f32_of_bits(most));
      const double least = scale_least_end(&m);
      for (int k = 0; k < SCALE_CHOICES; k++) {
        double end = least;
        if (k >= CHOICE_0_999 && k <= CHOICE_1)
          end = family->scale[s].quantile
                    ? statistic[k - CHOICE_0_999]
                    : magnitudes_quantile(&m, scale_choice_quantiles[k - CHOICE_0_999]);
        double value =
            k == CHOICE_CALIBRATED ? (double)model->scales[layer].scale[s] : (double)scale_of(end);
        make_row(c, &m, layer, s, (ScaleChoiceKind)k, value,
                 choices_row(rows, family, layer, s, (ScaleChoiceKind)k));
      }
    }
}

/* --- kept ------------------------------------------------------------------------------------- */

enum { NUMBERS = 5 };

static void numbers_of(const ScaleChoice *row, double number[NUMBERS]) {
  number[0] = row->value, number[1] = (double)row->values, number[2] = (double)row->beyond;
  number[3] = row->rel_l2_clipped, number[4] = row->rel_l2_rounded;
}

json_t *choices_json(const ScaleChoice *rows, const Family *family, int layer) {
  json_t *list = json_array();
  const ScaleChoice *row = choices_row((ScaleChoice *)rows, family, layer, 0, CHOICE_CALIBRATED);
  for (int i = 0; i < family->tensors.scales * SCALE_CHOICES; i++) {
    double number[NUMBERS];
    numbers_of(&row[i], number);
    for (int k = 0; k < NUMBERS; k++)
      json_array_append_new(list, isnan(number[k]) ? json_null() : json_real(number[k]));
  }
  return list;
}

bool choices_take(const json_t *json, const Family *family, int layer, ScaleChoice *rows) {
  const int scales = family->tensors.scales;
  if (json_array_size(json) != (size_t)(scales * SCALE_CHOICES * NUMBERS)) return false;
  for (int i = 0; i < scales * SCALE_CHOICES; i++) {
    double number[NUMBERS];
    for (int k = 0; k < NUMBERS; k++) {
      const json_t *value = json_array_get(json, (size_t)(i * NUMBERS + k));
      const bool count = k == 1 || k == 2, none = json_is_null(value) && !count;
      if (!none && !(json_is_real(value) && json_real_value(value) >= 0)) return false;
      if (count && json_real_value(value) > 0x1p53) return false;
      number[k] = none ? NAN : json_real_value(value);
    }
    ScaleChoice *row =
        choices_row(rows, family, layer, i / SCALE_CHOICES, (ScaleChoiceKind)(i % SCALE_CHOICES));
    *row = (ScaleChoice){.value = number[0],
                         .values = (int64_t)number[1],
                         .beyond = (int64_t)number[2],
                         .rel_l2_clipped = number[3],
                         .rel_l2_rounded = number[4]};
    finish_row(row, family, layer, i / SCALE_CHOICES, (ScaleChoiceKind)(i % SCALE_CHOICES));
  }
  return true;
}

Digest choices_digest(const ScaleChoice *rows, const Family *family, int layer) {
  double number[SCALES_MOST * SCALE_CHOICES][NUMBERS];
  const int count = family->tensors.scales * SCALE_CHOICES;
  for (int i = 0; i < count; i++)
    numbers_of(choices_row((ScaleChoice *)rows, family, layer, 0, CHOICE_CALIBRATED) + i,
               number[i]);
  return digest_of(number, (size_t)count * sizeof *number);
}
