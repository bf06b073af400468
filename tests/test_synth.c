/* A made checkpoint is one: read back, of the stated shape, the same from the same seed, with the stated values. */
#include <math.h>

#include "base/file.h"
#include "family/family.h"
#include "family/mamba1.h"
#include "model/checkpoint.h"
#include "model/synth.h"
#include "tests/model_files.h"

TestSuite(synth, .init = test_files_begin, .fini = test_files_end);

static const SynthShape small = {"small", 48, 3, 100, 1 << 30};

static Checkpoint made(const SynthShape *shape, int64_t seed, const char *name) {
  Status st = {0};
  Progress quiet = progress_start(true);
  Checkpoint checkpoint;
  cr_assert(synth_write(shape, seed, test_path(name), &quiet, test_arena, &st), "%s", st.text);
  cr_assert(checkpoint_open(&test_arena, test_path(name), &checkpoint, &st), "%s", st.text);
  return checkpoint;
}

Test(synth, checkpoint_is_read_and_the_same_from_the_same_seed) {
  Checkpoint first = made(&small, 1, "a"), again = made(&small, 1, "b"), other = made(&small, 2, "c");
  cr_expect_eq(first.config.D, 48);
  cr_expect_eq(first.config.E, 96);
  cr_expect_eq(first.config.R, 3);
  cr_expect_eq(first.config.layers, 3);
  cr_expect_eq(first.config.vocab, 100);
  cr_expect_str_eq(first.digest.hex, again.digest.hex);
  cr_expect_str_neq(first.digest.hex, other.digest.hex);
}

Test(synth, values_are_drawn_as_stated) {
  Checkpoint c = made(&small, 5, "a");
  const float *A_log = c.layer[1][W_A_LOG].data, *bias = c.layer[1][W_DT_BIAS].data, *gain = c.layer[2][W_NORM].data;
  const float *embedding = c.end[END_EMBEDDING].data;
  int large = 0;
  double square = 0;
  for (int n = 0; n < 16; n++) cr_expect_float_eq(A_log[16 + n], logf((float)n + 1), 1e-6);
  for (size_t i = 0; i < c.layer[1][W_DT_BIAS].count; i++) {
    double step = log1p(exp((double)bias[i]));
    cr_expect(step > 0.99e-3 && step < 1.01e-1, "step %g", step);
  }
  for (int i = 0; i < 48; i++) large += gain[i] > 1;
  cr_expect(large >= 1 && large <= 4, "%d large gains", large);
  for (size_t i = 0; i < c.end[END_EMBEDDING].count; i++) square += (double)embedding[i] * (double)embedding[i];
  cr_expect_float_eq(sqrt(square / (double)c.end[END_EMBEDDING].count), 0.02, 0.001);
}

Test(synth, a_checkpoint_is_not_written_over) {
  Status st = {0};
  Progress quiet = progress_start(true);
  made(&small, 1, "a");
  cr_expect_not(synth_write(&small, 1, test_path("a"), &quiet, test_arena, &st));
  cr_expect(strstr(st.text, "a/config.json: is there already"), "%s", st.text);
}

Test(synth, above_the_size_of_a_file_there_are_shards_with_the_same_weights) {
  SynthShape sharded = small;
  sharded.file_bytes = 40000;
  Checkpoint many = made(&sharded, 1, "many"), one = made(&small, 1, "one");
  cr_expect_str_eq(many.digest.hex, one.digest.hex);
  cr_expect(file_exists(test_path("many/model.safetensors.index.json")));
  cr_expect_not(file_exists(test_path("many/model.safetensors")));
  cr_expect(file_exists(test_path("one/model.safetensors")));
}
