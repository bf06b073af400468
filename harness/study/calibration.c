#include "study/calibration.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "model/json.h"
#include "model/model.h"
#include "study/choices.h"

static size_t of_layer(const CalibrationValues *v) {
  return (size_t)v->model->config.family->tensors.scales * (size_t)v->alphas;
}

size_t calibration_statistics(const CalibrationValues *v) {
  return (size_t)v->model->layers * of_layer(v);
}

/* Of what the file says: its key and every value, to the last bit. */
static Digest values_digest(const CalibrationValues *v, const Digest *key) {
  Digest part[2] = {*key};
  const Model *model = v->model;
  const int scales = model->config.family->tensors.scales;
  double value[SCALES_MOST];
  for (int layer = 0; layer < model->layers; layer++) {
    for (int s = 0; s < scales; s++) value[s] = model->scales[layer].statistic[s];
    part[1] = digest_of(value, (size_t)scales * sizeof *value);
    part[0] = digest_join(part, 2);
    if (v->choice)
      part[1] = choices_digest(v->choice, model->config.family, layer),
      part[0] = digest_join(part, 2);
    if (v->alphas)
      part[1] = digest_of(v->statistic + (size_t)layer * of_layer(v), of_layer(v) * sizeof(double)),
      part[0] = digest_join(part, 2);
  }
  return part[0];
}

/* At other alphas, scale by scale; null of one that is made from a maximum. */
static json_t *statistics_json(const CalibrationValues *v, int layer) {
  const double *value = v->statistic + (size_t)layer * of_layer(v);
  json_t *list = json_array();
  for (size_t i = 0; i < of_layer(v); i++)
    json_array_append_new(list, isnan(value[i]) ? json_null() : json_real(value[i]));
  return list;
}

char *calibration_json(const CalibrationValues *v, const Digest *key) {
  const Config *config = &v->model->config;
  const Tensors *tensors = &config->family->tensors;
  json_t *layers = json_array();
  for (int layer = 0; layer < v->model->layers; layer++) {
    json_t *entry = json_object();
    for (int s = 0; s < tensors->scales; s++)
      json_object_set_new(entry, tensors->scale[s],
                          json_real(v->model->scales[layer].statistic[s]));
    if (v->choice)
      json_object_set_new(entry, "choices", choices_json(v->choice, config->family, layer));
    if (v->alphas) json_object_set_new(entry, "alphas", statistics_json(v, layer));
    json_array_append_new(layers, entry);
  }
  Digest digest = values_digest(v, key);
  json_t *root =
      json_pack("{s:s, s:s, s:o}", "key", key->hex, "digest", digest.hex, "layers", layers);
  char *text = json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
  json_decref(root);
  return text;
}

/* The choices of every layer, where the first has them; NULL where not or where they are not as
 * they were written. */
static ScaleChoice *take_choices(const json_t *layers, const Config *config, Arena *arena) {
  if (!json_object_get(json_array_get(layers, 0), "choices")) return NULL;
  ScaleChoice *choice = ARENA_NEW(arena, ScaleChoice, choices_count(config));
  for (int layer = 0; layer < config->layers; layer++)
    if (!choices_take(json_object_get(json_array_get(layers, (size_t)layer), "choices"),
                      config->family, layer, choice))
      return NULL;
  return choice;
}

/* The statistics at other alphas; false where one is missing or could not have been written. */
static bool take_statistics(const json_t *layers, const CalibrationValues *v) {
  for (int layer = 0; v->alphas && layer < v->model->layers; layer++) {
    const json_t *list = json_object_get(json_array_get(layers, (size_t)layer), "alphas");
    double *to = v->statistic + (size_t)layer * of_layer(v);
    if (json_array_size(list) != of_layer(v)) return false;
    for (size_t i = 0; i < of_layer(v); i++) {
      const json_t *value = json_array_get(list, i);
      if (!json_is_null(value) && !(json_is_real(value) && json_real_value(value) >= 0))
        return false;
      to[i] = json_is_null(value) ? (double)NAN : json_real_value(value);
    }
  }
  return true;
}

/* The statistics of every layer into `model`; false where one is missing or could not have been
 * written. */
static bool take_layers(const json_t *layers, Model *model) {
  const Tensors *tensors = &model->config.family->tensors;
  if (json_array_size(layers) != (size_t)model->layers) return false;
  for (int layer = 0; layer < model->layers; layer++)
    for (int s = 0; s < tensors->scales; s++) {
      const json_t *value =
          json_object_get(json_array_get(layers, (size_t)layer), tensors->scale[s]);
      if (!json_is_real(value) || !(json_real_value(value) >= 0)) return false;
      model->scales[layer].statistic[s] = json_real_value(value);
      model->scales[layer].scale[s] = scale_of(json_real_value(value));
    }
  return true;
}

CalibrationFound calibration_of(Bytes text, const Digest *key, const CalibrationValues *v,
                                Arena scratch) {
  Status unread = {0};
  json_t *root = json_object_of("", "cache", text, &unread);
  const char *found_key = json_string_value(json_object_get(root, "key")),
             *digest = json_string_value(json_object_get(root, "digest"));
  const json_t *layers = json_object_get(root, "layers");
  const Config *config = &v->model->config;
  CalibrationValues read = *v;
  read.choice = take_choices(layers, config, &scratch);
  CalibrationFound found = CALIBRATION_DAMAGED;
  if (found_key && strlen(found_key) == strlen(key->hex) && strcmp(found_key, key->hex) != 0)
    found = CALIBRATION_OTHER;
  else if (found_key && digest && take_layers(layers, v->model) && take_statistics(layers, v) &&
           !strcmp(digest, values_digest(&read, key).hex))
    found = v->choice && !read.choice ? CALIBRATION_LESS : CALIBRATION_TAKEN;
  if (v->choice && found == CALIBRATION_TAKEN)
    memcpy(v->choice, read.choice, choices_count(config) * sizeof *read.choice);
  json_decref(root);
  return found;
}

CalibrationFound calibration_load(const char *path, const Digest *key, const CalibrationValues *v,
                                  Arena scratch) {
  /* LAYERS_MOST layers of SCALES_MOST scales with their choices, and at GRID_ALPHAS_MAX alphas:
   * some 13 MB. */
  enum { CALIBRATION_BYTES = 1 << 24 };
  Bytes text;
  Status unread = {0};
  if (!file_exists(path)) return CALIBRATION_NONE;
  if (!file_read(&scratch, path, CALIBRATION_BYTES, &text, &unread)) return CALIBRATION_DAMAGED;
  return calibration_of(text, key, v, scratch);
}

/* Whether a file begins as calibration_json begins one, with its key, or is empty: a file that was
 * being written when the power went. One of many GB is not read for it. */
static bool is_ours(const char *path) {
  char head[128] = "";
  FileMark mark;
  Status unread = {0};
  const int fd = file_open(path, &mark, &unread);
  if (fd < 0) return false;
  const size_t count = mark.size < sizeof head ? (size_t)mark.size : sizeof head - 1;
  int end = 0;
  if (file_read_at(fd, path, 0, head, count, &unread))
    sscanf(head, " { \"key\" : \"%*[0-9a-f]\"%n", &end);
  close(fd);
  return end > 0 || mark.size == 0;
}

bool calibration_may_stand(const char *path, Status *st) {
  return !file_exists(path) || is_ours(path) ||
         FAIL(st,
              "%s: is no calibration that driftscope wrote, and would be replaced by one: move it "
              "away, or name another folder",
              path);
}
