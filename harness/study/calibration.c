#include "study/calibration.h"

#include <jansson.h>
#include <string.h>

#include "model/json.h"
#include "model/model.h"
#include "study/choices.h"

/* Of what the file says: its key and every value, to the last bit. choice NULL: it says none. */
static Digest values_digest(const Model *model, const ScaleChoice *choice, const Digest *key) {
  Digest part[2] = {*key};
  const int scales = model->config.family->tensors.scales;
  double value[SCALES_MOST];
  for (int layer = 0; layer < model->layers; layer++) {
    for (int s = 0; s < scales; s++) value[s] = model->scales[layer].statistic[s];
    part[1] = digest_of(value, (size_t)scales * sizeof *value);
    part[0] = digest_join(part, 2);
    if (choice)
      part[1] = choices_digest(choice, model->config.family, layer), part[0] = digest_join(part, 2);
  }
  return part[0];
}

char *calibration_json(const Model *model, const ScaleChoice *choice, const Digest *key) {
  const Tensors *tensors = &model->config.family->tensors;
  json_t *layers = json_array();
  for (int layer = 0; layer < model->layers; layer++) {
    json_t *entry = json_object();
    for (int s = 0; s < tensors->scales; s++)
      json_object_set_new(entry, tensors->scale[s], json_real(model->scales[layer].statistic[s]));
    if (choice)
      json_object_set_new(entry, "choices", choices_json(choice, model->config.family, layer));
    json_array_append_new(layers, entry);
  }
  Digest digest = values_digest(model, choice, key);
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

CalibrationFound calibration_of(Bytes text, const Digest *key, Model *model, ScaleChoice *choice,
                                Arena scratch) {
  Status unread = {0};
  json_t *root = json_object_of("", "cache", text, &unread);
  const char *found_key = json_string_value(json_object_get(root, "key")),
             *digest = json_string_value(json_object_get(root, "digest"));
  const json_t *layers = json_object_get(root, "layers");
  const ScaleChoice *read = take_choices(layers, &model->config, &scratch);
  CalibrationFound found = CALIBRATION_DAMAGED;
  if (found_key && strlen(found_key) == strlen(key->hex) && strcmp(found_key, key->hex) != 0)
    found = CALIBRATION_NONE;
  else if (found_key && digest && take_layers(layers, model) &&
           !strcmp(digest, values_digest(model, read, key).hex))
    found = choice && !read ? CALIBRATION_NONE : CALIBRATION_TAKEN;
  if (choice && found == CALIBRATION_TAKEN)
    memcpy(choice, read, choices_count(&model->config) * sizeof *choice);
  json_decref(root);
  return found;
}

CalibrationFound calibration_load(const char *path, const Digest *key, Model *model,
                                  ScaleChoice *choice, Arena scratch) {
  /* LAYERS_MOST layers of SCALES_MOST scales with their choices: some 9 MB. */
  enum { CALIBRATION_BYTES = 1 << 24 };
  Bytes text;
  Status unread = {0};
  if (!file_exists(path)) return CALIBRATION_NONE;
  if (!file_read(&scratch, path, CALIBRATION_BYTES, &text, &unread)) return CALIBRATION_DAMAGED;
  return calibration_of(text, key, model, choice, scratch);
}
