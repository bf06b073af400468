/* A made checkpoint is one: read back, of the stated shape, the same from the same seed, with the
 * stated values. */
#include <math.h>
#include <omp.h>

#include "base/file.h"
#include "family/family.h"
#include "family/mamba1.h"
#include "model/checkpoint.h"
#include "model/synth.h"
#include "tests/model_files.h"

TestSuite(synth, .init = test_files_begin, .fini = test_files_end);

static const SynthShape small = {"small", 48, 3, 100, .file_bytes = 1 << 30};

static Checkpoint made_as(const SynthShape *shape, WeightType type, int64_t seed,
                          const char *name) {
  Status st = {0};
  Progress quiet = progress_start(true);
  Checkpoint checkpoint;
  cr_assert(synth_write(shape, type, seed, test_path(name), &quiet, test_arena, &st), "%s",
            st.text);
  cr_assert(checkpoint_open(&test_arena, test_path(name), &checkpoint, &st), "%s", st.text);
  return checkpoint;
}

static Checkpoint made(const SynthShape *shape, int64_t seed, const char *name) {
  return made_as(shape, WEIGHT_F32, seed, name);
}

Test(synth, checkpoint_is_read_and_the_same_from_the_same_seed) {
  Checkpoint first = made(&small, 1, "a"), again = made(&small, 1, "b"),
             other = made(&small, 2, "c");
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
  const float *A_log = c.layer[1][W_A_LOG].data, *bias = c.layer[1][W_DT_BIAS].data,
              *gain = c.layer[2][W_NORM].data;
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
  for (size_t i = 0; i < c.end[END_EMBEDDING].count; i++)
    square += (double)embedding[i] * (double)embedding[i];
  cr_expect_float_eq(sqrt(square / (double)c.end[END_EMBEDDING].count), 0.02, 0.001);
}

Test(synth, a_checkpoint_is_not_written_over) {
  Status st = {0};
  Progress quiet = progress_start(true);
  made(&small, 1, "a");
  cr_expect_not(synth_write(&small, WEIGHT_F32, 1, test_path("a"), &quiet, test_arena, &st));
  cr_expect(strstr(st.text, "a/config.json: is there already"), "%s", st.text);
}

Test(synth, weights_without_a_config_are_not_written_over) {
  static const char *const names[] = {"model.safetensors", "model-00002-of-00008.safetensors",
                                      "model.safetensors.index.json"};
  SynthShape shape[] = {small, small, small};
  Progress quiet = progress_start(true);
  shape[1].file_bytes = shape[2].file_bytes = 40000;
  for (int i = 0; i < 3; i++) {
    const char *folder = test_path(arena_printf(&test_arena, "lone%d", i)),
               *path = arena_printf(&test_arena, "%s/%s", folder, names[i]);
    Status st = {0};
    Bytes found;
    cr_assert(file_make_folder(folder, &st) && file_write(path, "mine", 4, false, &st));
    cr_expect_not(synth_write(&shape[i], WEIGHT_F32, 1, folder, &quiet, test_arena, &st));
    cr_expect(strstr(st.text, names[i]) && strstr(st.text, ": is there already"), "%s", st.text);
    cr_assert(file_read(&test_arena, path, 100, &found, &st), "%s", st.text);
    cr_expect_str_eq(found.data, "mine");
  }
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

static Bytes bytes_of(const char *name) {
  Bytes bytes;
  Status st = {0};
  cr_assert(file_read(&test_arena, test_path(name), 1 << 26, &bytes, &st), "%s", st.text);
  return bytes;
}

Test(synth, bytes_of_a_file_do_not_depend_on_threads_and_are_those_they_always_were) {
  const SynthShape wide = {"wide", 192, 2, 3000, .file_bytes = 1 << 30};
  for (int threads = 1; threads <= 5; threads++) {
    omp_set_num_threads(threads);
    char name[8];
    snprintf(name, sizeof name, "t%d", threads);
    Checkpoint c = made(&wide, 3, name);
    const Bytes got = bytes_of(arena_printf(&test_arena, "%s/model.safetensors", name));
    cr_expect_str_eq(digest_of(got.data, got.count).hex, "7fcd375af4e8f2f2ba1c21c3a29b6f79",
                     "%d threads: %s", threads, c.digest.hex);
  }
}

/* The nearer of the two neighbours in `type`, the even one of two that are as near. */
static bool is_nearest(float value, double got, double below, double above, uint16_t bits) {
  const double own = fabs(got - (double)value),
               least = fmin(fabs(below - (double)value), fabs(above - (double)value));
  return own < least || (own == least && bits % 2 == 0);
}

Test(synth, narrow_types_hold_the_same_values_rounded_to_nearest) {
  static const struct {
    WeightType type;
    const char *torch;
  } types[] = {{WEIGHT_BF16, "\"bfloat16\""}, {WEIGHT_F16, "\"float16\""}};
  const Checkpoint full = made(&small, 7, "full");
  cr_expect(strstr(bytes_of("full/config.json").data, "\"torch_dtype\": \"float32\""));
  for (int k = 0; k < 2; k++) {
    const char *name = k ? "f16" : "bf16";
    const Checkpoint half = made_as(&small, types[k].type, 7, name);
    const char *config = bytes_of(arena_printf(&test_arena, "%s/config.json", name)).data;
    cr_expect(strstr(config, types[k].torch), "%s", config);
    for (int w = 0; w < W_COUNT; w++) {
      const Weight *a = &full.layer[1][w], *b = &half.layer[1][w];
      const uint16_t *bits = b->data;
      cr_assert(b->type == types[k].type && b->count == a->count, "%s", b->name);
      for (size_t i = 0; i < a->count; i++) {
        const uint16_t around[3] = {bits[i], (uint16_t)(bits[i] - 1), (uint16_t)(bits[i] + 1)};
        const Weight three = {.type = types[k].type, .data = around, .count = 3};
        double value[3];
        weight_to_f64(&three, value);
        const float want = ((const float *)a->data)[i];
        cr_assert(is_nearest(want, value[0], value[1], value[2], bits[i]), "%s [%zu]: %a became %a",
                  b->name, i, (double)want, value[0]);
      }
    }
  }
}

Test(synth, shards_are_cut_by_the_bytes_of_their_type) {
  SynthShape sharded = small;
  sharded.file_bytes = 40000;
  const Checkpoint many = made_as(&sharded, WEIGHT_BF16, 1, "many"),
                   one = made_as(&small, WEIGHT_BF16, 1, "one");
  cr_expect_str_eq(many.digest.hex, one.digest.hex);
  made(&sharded, 1, "wide");
  int files[2] = {0};
  for (int k = 0; k < 2; k++)
    for (int i = 1; i < 99; i++)
      for (int n = i; n < 99; n++)
        files[k] += file_exists(test_path(arena_printf(
            &test_arena, "%s/model-%05d-of-%05d.safetensors", k ? "wide" : "many", i, n)));
  cr_expect(files[0] > 1 && files[1] > files[0], "%d files of bf16, %d of f32", files[0], files[1]);
}
