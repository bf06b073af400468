/* source_files: dumps of a few small layers that a test makes, and what a user sees who compares
 * them; in one folder for both. */
#ifndef DS_TESTS_SOURCE_FILES_H
#define DS_TESTS_SOURCE_FILES_H
#include "tests/dump_files.h"
#include "tests/shell.h"

static inline void sources_begin(void) {
  test_files_begin();
  strcpy(shell_folder, test_folder); /* one folder for both */
}

enum { LAYERS = 3, TOKENS = 5, WIDTH = 4, VALUES_A_TENSOR = TOKENS * WIDTH, ARRAYS_MOST = 48 };

typedef struct Arrays {
  ZipPart part[ARRAYS_MOST];
  int count;
} Arrays;

static inline void add_array(Arrays *all, const char *name, const char *dictionary,
                             const void *data, size_t bytes) {
  cr_assert(all->count < ARRAYS_MOST);
  all->part[all->count++] =
      (ZipPart){arena_printf(&test_arena, "%s.npy", name), made_npy(dictionary, data, bytes)};
}

static inline void add_floats(Arrays *all, const char *name, int rows, int cols,
                              const float *value) {
  const char *dictionary = arena_printf(
      &test_arena, "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", rows, cols);
  add_array(all, name, dictionary, value, sizeof *value * (size_t)rows * (size_t)cols);
}

static inline void add_tokens(Arrays *all, const int64_t *id) {
  add_array(all, "input_ids", NPY("<i8", "False", "(5,)"), id, TOKENS * sizeof *id);
}

/* Value i of a tensor: a whole number of 64ths, none of them 0. */
static inline float value_at(int layer, int tensor, int i) {
  const int k = (layer * 61 + tensor * 37 + i * 11) % 97 - 48;
  return (float)(k ? k : 7) / 64.0f;
}

static const char *const tensor_names[] = {"x", "y"};

/* "layers.0.x", "layers.0.y", … each [5, 4]. */
static inline Arrays usual(void) {
  Arrays all = {.count = 0};
  for (int layer = 0; layer < LAYERS; layer++)
    for (int t = 0; t < 2; t++) {
      float value[VALUES_A_TENSOR];
      for (int i = 0; i < VALUES_A_TENSOR; i++) value[i] = value_at(layer, t, i);
      add_floats(&all, arena_printf(&test_arena, "layers.%d.%s", layer, tensor_names[t]), TOKENS,
                 WIDTH, value);
    }
  return all;
}

static inline float *value_in(Arrays *all, int layer, int tensor) {
  const Made *npy = &all->part[2 * layer + tensor].content;
  return (float *)(void *)(npy->bytes + npy->count - VALUES_A_TENSOR * sizeof(float));
}

/* Sets one element, [token, channel]. */
static inline void put(Arrays *all, int layer, int tensor, int token, int channel, float x) {
  memcpy(value_in(all, layer, tensor) + token * WIDTH + channel, &x, sizeof x);
}

static inline void write_npz(const char *file, const Arrays *all) {
  write_made(file, made_zip(all->part, all->count, ZIP_DEFLATED));
}

static inline void write_spec(const char *file, const char *text) {
  test_write(file, text, strlen(text));
}

#define COMPARE(want, a, b)                                                                        \
  RUN(want, "compare %s/%s %s/%s -q --fresh -o %s/out", test_folder, a, test_folder, b, test_folder)
#define SPEC(want, text)                                                                           \
  do {                                                                                             \
    write_spec("s.yaml", text);                                                                    \
    RUN(want, "run %s/s.yaml -q --fresh -o %s/out", test_folder, test_folder);                     \
  } while (0)
#define NOT_SAYS(text) cr_expect(!strstr(shell_output, text), "has \"%s\": %s", text, shell_output)

/* What stands first on standard output, behind what a failed run says on the other. */
static inline void expect_first(const char *text) {
  const char *first =
      strncmp(shell_output, "driftscope: ", 12) ? shell_output : strchr(shell_output, '\n') + 1;
  cr_expect(!strncmp(first, text, strlen(text)), "does not begin \"%s\": %s", text, shell_output);
}

/* What is refused is so in one line. */
static inline void expect_one_line(void) {
  const char *end = strchr(shell_output, '\n');
  cr_expect(end && !end[1], "more than one line: %s", shell_output);
}

static inline void read_report(void) {
  cr_assert_eq(shell("cat %s/out/report.md", test_folder), 0);
}

/* One cell of a table of a run, by the rows' tensor and layer; of several rows the first. */
static inline double cell(const char *table, const char *tensor, int layer, const char *column) {
  cr_assert_eq(
      shell("awk -F, '{sub(/\\r$/, \"\")} NR == 1 {for (i = 1; i <= NF; i++) at[$i] = i; next} "
            "$at[\"tensor\"] == \"%s\" && $at[\"layer\"] == %d {print $at[\"%s\"]; exit}' "
            "%s/out/tables/%s.csv",
            tensor, layer, column, test_folder, table),
      0);
  cr_assert(shell_output[0], "%s has no %s of layer %d", table, tensor, layer);
  return atof(shell_output);
}

static inline void expect_cell(const char *tensor, int layer, const char *column, double want) {
  const double got = cell("pair_stats", tensor, layer, column);
  cr_expect(fabs(got - want) <= 1e-14 * fabs(want), "%s of %s in layer %d is %.17g, not %.17g",
            column, tensor, layer, got, want);
}

#endif
