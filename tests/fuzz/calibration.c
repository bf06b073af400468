/* Input: a calibration.json of a model with two layers. What is taken is written as it was read. */
#include "study/calibration.h"

#include <math.h>
#include <string.h>

#include "fuzz.h"
#include "study/choices.h"

enum { LAYERS = 2, ALPHAS = 3 };

static Model small_model(Arena *arena) {
  const Config config = {.D = 4,
                         .E = 8,
                         .N = 2,
                         .R = 1,
                         .K = 4,
                         .layers = LAYERS,
                         .vocab = 256,
                         .family = families[0]};
  return (Model){
      .config = config, .layers = LAYERS, .scales = ARENA_NEW(arena, LayerScales, LAYERS)};
}

/* Room for all that can be found, or for a part of it. */
static CalibrationValues room_for(Arena *arena, Model *model, bool choices, bool alphas) {
  CalibrationValues v = {.model = model, .alphas = alphas ? ALPHAS : 0};
  if (choices) v.choice = ARENA_NEW(arena, ScaleChoice, choices_count(&model->config));
  if (alphas) v.statistic = ARENA_NEW(arena, double, calibration_statistics(&v));
  return v;
}

/* With choices, of which there is a scale of each layer, and statistics at other alphas. */
Bytes made_calibration(Arena *arena) {
  Model model = small_model(arena);
  const Digest key = digest_of("key", 3);
  const Family *family = model.config.family;
  const size_t choices = choices_count(&model.config);
  CalibrationValues v = room_for(arena, &model, true, true);
  for (int i = 0; i < LAYERS * family->tensors.scales; i++)
    model.scales[i % LAYERS].statistic[i / LAYERS] = 0.25 + i;
  for (size_t i = 0; i < choices; i++)
    v.choice[i] = (ScaleChoice){.value = i % 3 ? 0.5 : (double)NAN, .values = 100, .beyond = 1};
  for (size_t i = 0; i < calibration_statistics(&v); i++)
    v.statistic[i] = i % 4 ? 0.125 * (double)i : (double)NAN;
  char *text = calibration_json(&v, &key), *kept = arena_printf(arena, "%s", text);
  free(text);
  return (Bytes){kept, strlen(kept)};
}

bool fuzz_calibration(const uint8_t *data, size_t count) {
  Arena arena = fuzz_arena(count, 1 << 18);
  Model model = small_model(&arena);
  const Digest key = digest_of("key", 3);
  bool taken = false;
  char *text = fuzz_ended((Bytes){(const char *)data, count});
  for (int asked = 0; asked < 4; asked++) {
    const CalibrationValues v = room_for(&arena, &model, asked & 1, asked & 2);
    if (calibration_of((Bytes){text, count}, &key, &v, arena) != CALIBRATION_TAKEN) continue;
    taken = true;
    char *again = calibration_json(&v, &key);
    FUZZ_CHECK(calibration_of((Bytes){again, strlen(again)}, &key, &v, arena) == CALIBRATION_TAKEN,
               "not taken again: %s", again);
    free(again);
  }
  free(text);
  return taken;
}
