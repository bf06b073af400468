/* small_model: a made checkpoint of a few small layers in the test's folder, for what the program
 * does whatever the model: a run on it takes a sixth of one on the shipped model. Its vocabulary is
 * bytes. */
#ifndef DS_TESTS_SMALL_MODEL_H
#define DS_TESTS_SMALL_MODEL_H
#include "base/arena.h"
#include "base/progress.h"
#include "model/synth.h"
#include "tests/every_study.h"
#include "tests/exhausted.h"
#include "tests/shell.h"

enum { SMALL_LAYERS = 6, SMALL_WIDTH = 64, SMALL_VOCAB = 256 };

/* Writes one of this width to the folder "model" in shell_folder. */
static inline void small_model_of(int width, int layers) {
  const SynthShape shape = {"small", width, layers, SMALL_VOCAB, .file_bytes = 1 << 30};
  char folder[80];
  Progress quiet = progress_start(true);
  Arena arena;
  Status st = {0};
  snprintf(folder, sizeof folder, "%s/model", shell_folder);
  cr_assert(arena_reserve(&arena, (size_t)1 << 30, exhausted, &st) &&
                synth_write(&shape, WEIGHT_F32, 1, folder, &quiet, arena, &st),
            "%s", st.text);
  arena_release(&arena);
}
/* The results of a run in folder `alone`, and of one that was stopped and went on. */
static inline void small_expect_gone_on(const char *alone, const char *gone_on) {
  char path[2][128];
  const char *said;
  Arena arena;
  Status st = {0};
  snprintf(path[0], sizeof path[0], "%s/%s/results.h5", shell_folder, alone);
  snprintf(path[1], sizeof path[1], "%s/%s/results.h5", shell_folder, gone_on);
  cr_assert(arena_reserve(&arena, (size_t)1 << 30, exhausted, &st), "%s", st.text);
  cr_expect(went_on_the_same(&arena, path[0], path[1], &said), "%s: %s", gone_on, said);
  arena_release(&arena);
}

static inline void small_model(int layers) { small_model_of(SMALL_WIDTH, layers); }

#endif
