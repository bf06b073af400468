/* Input: a calibration.json of a model with two layers. What is taken is written as it was read. */
#include "study/calibration.h"

#include <math.h>
#include <string.h>

#include "fuzz.h"
#include "study/choices.h"

enum { LAYERS = 2 };

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

/* With choices, of which there is a scale of each layer. */
Bytes made_calibration(Arena *arena) {
  Model model = small_model(arena);
  const Digest key = digest_of("key", 3);
  const Family *family = model.config.family;
  const size_t choices = choices_count(&model.config);
  ScaleChoice *choice = ARENA_NEW(arena, ScaleChoice, choices);
  for (int i = 0; i < LAYERS * family->tensors.scales; i++)
    model.scales[i % LAYERS].statistic[i / LAYERS] = 0.25 + i;
  for (size_t i = 0; i < choices; i++)
    choice[i] = (ScaleChoice){.value = i % 3 ? 0.5 : (double)NAN, .values = 100, .beyond = 1};
  char *text = calibration_json(&model, choice, &key), *kept = arena_printf(arena, "%s", text);
  free(text);
  return (Bytes){kept, strlen(kept)};
}

bool fuzz_calibration(const uint8_t *data, size_t count) {
  Arena arena = fuzz_arena(count, 1 << 18);
  Model model = small_model(&arena);
  const Digest key = digest_of("key", 3);
  bool taken = false;
  char *text = fuzz_ended((Bytes){(const char *)data, count});
  for (int asked = 0; asked < 2; asked++) {
    ScaleChoice *choice =
        asked ? ARENA_NEW(&arena, ScaleChoice, choices_count(&model.config)) : NULL;
    if (calibration_of((Bytes){text, count}, &key, &model, choice, arena) != CALIBRATION_TAKEN)
      continue;
    taken = true;
    char *again = calibration_json(&model, choice, &key);
    FUZZ_CHECK(calibration_of((Bytes){again, strlen(again)}, &key, &model, choice, arena) ==
                   CALIBRATION_TAKEN,
               "not taken again: %s", again);
    free(again);
  }
  free(text);
  return taken;
}
