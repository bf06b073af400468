/* small_run: the made model with its texts, and specs of it, for the tests that disturb the whole
 * program; and how each of them begins. */
#ifndef DS_TESTS_SMALL_RUN_H
#define DS_TESTS_SMALL_RUN_H
#include "store/store.h"
#include "tests/made_shell.h"

static inline void small_run_begin(void) {
  made_shell_begin();
  store_start();
}

static inline void small_model(int layers) {
  static const char text[] =
      "0 3 5 1 1 4 2 0 5 5 3 1 0 2 4 4 1 3 0 5 2 2 1 4 3 0 1 5 4 2 3 3 0 1 2 5 4 1 0 3",
                    a[] = "0 3 5 1 1 4 2", b[] = "5 5 3 1 0 2 4 4 1";
  char count[16];
  snprintf(count, sizeof count, "%d", layers);
  write_shard(model_of_layers("F32", layers), "model.safetensors", 0, false);
  CONFIG("num_hidden_layers", count);
  test_write("text.txt", text, strlen(text));
  test_write("a.txt", a, strlen(a));
  test_write("b.txt", b, strlen(b));
}

/* 600 tokens: enough for a calibration that is not asked to be shorter. */
static inline const char *small_long_text(void) {
  char ids[2048], *to = ids;
  for (int i = 0; i < 600; i++) to += sprintf(to, "%d ", i * 7 % 6);
  return test_write("long.txt", ids, strlen(ids));
}

/* Two prompts, and keys of the caller's. */
static inline const char *small_spec(const char *name, const char *keys) {
  const char *spec =
      arena_printf(&test_arena,
                   "title: Disturbed\nmodel: .\nbackend: cpu\nthreads: 1\n"
                   "calibration: {tokens: text.txt, windows: 2, length: 8}\n"
                   "prompts: [{name: a, tokens: a.txt}, {name: b, tokens: b.txt}]\n%s",
                   keys);
  return test_write(name, spec, strlen(spec));
}
#endif
