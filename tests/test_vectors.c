/* Stored vectors: Quamba's at the shares that the kernels reach, files of other shapes and names,
 * and files that are damaged or made to mislead: status 2 and one line that says where. */
#include <criterion/criterion.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/vectors.h"
#include "kernels/conv1d.h"
#include "store/store.h"
#include "tests/exhausted.h"
#include "tests/shell.h"

#define GOLDEN "data/golden/quamba_int8_kernels.h5"

static Arena new_arena(void) {
  Arena arena;
  Status st = {0};
  store_start();
  cr_assert(arena_reserve(&arena, (size_t)2 << 30, exhausted, &st), "%s", st.text);
  return arena;
}

/* Of an operator with its own limits where `least` is below 0. */
static bool vectors(Arena *arena, const char *path, MicroOp op, double least, const char **text,
                    Status *st) {
  const VectorsAsked asked = {.path = path, .op = op, .least = least};
  return micro_vectors(arena, &asked, text, st);
}

/* --- the stored outputs of Quamba's kernels --------------------------------------------------- */

/* The share behind "NAME " in the last line. */
static double share_of(const char *text, const char *name) {
  const char *end = text + strlen(text) - 1, *last = end;
  while (last > text && last[-1] != '\n') last--;
  const char *at = strstr(last, name);
  cr_assert(at, "'%s' is not in the last line: %s", name, last);
  return atof(at + strlen(name));
}

Test(vectors, conv1d_equals_quamba_kernel_at_its_share) {
  Arena arena = new_arena();
  Status st = {0};
  const char *text;
  cr_assert(vectors(&arena, GOLDEN, MICRO_CONV1D, 0.9999, &text, &st), "%s", st.text);
  cr_expect_eq(share_of(text, "bytes10m_T171_layer0 y_silu "), 1);
  cr_expect_eq(share_of(text, "bytes10m_T171_layer23 y_silu "), 1);
  cr_expect_eq(share_of(text, "bytes10m_T100_layer11 y_silu_ieee "), 1);
  cr_expect_eq(share_of(text, "heavy_tail_130m_T171 y_silu "), 1);
  double ties = share_of(text, "bytes10m_T1000_layer11 y_silu_ieee ");
  cr_expect(ties >= 0.999996 && ties < 1, "two rounding ties of 512,000 differ: %f", ties);
}

Test(vectors, scan_equals_quamba_kernel_at_its_share_in_both_orders) {
  Arena arena = new_arena();
  Status st = {0};
  const char *text;
  cr_assert(vectors(&arena, GOLDEN, MICRO_SCAN, 0.997, &text, &st), "%s", st.text);
  static const char *const cases[] = {"bytes10m_T100_layer11", "bytes10m_T1000_layer11",
                                      "bytes10m_T171_layer0", "bytes10m_T171_layer23",
                                      "heavy_tail_130m_T171"};
  for (int i = 0; i < 10; i++) {
    const char *order = i % 2 ? "blocked" : "sequential", *name = cases[i / 2];
    double share = share_of(text, arena_printf(&arena, "%s y_gated %s ", name, order));
    cr_expect(share >= 0.9979 && share <= 0.9999, "%s %s: %f", name, order, share);
    if (i >= 4) continue;
    cr_expect_geq(share_of(text, arena_printf(&arena, "%s y_gated_ieee %s ", name, order)), 0.9988);
    cr_expect_eq(share_of(text, arena_printf(&arena, "%s state_q8 %s ", name, order)), 1);
  }
}

/* --- files made here -------------------------------------------------------------------------- */

enum { T = 6, E_MOST = 6, K = 3 };
static int E = 5; /* 6: the shape does not say which dimension is which */

typedef struct Made {
  int8_t x[T * E_MOST], weight[E_MOST * K], bias[E_MOST], y[T * E_MOST]; /* [token, channel] */
} Made;

static const float x_scale = 0.05f, w_scale = 0.02f, b_scale = 0.01f, y_scale = 0.03f;

/* Outputs by the kernel: the subject here is the file. */
static Made make(void) {
  Made m;
  uint32_t state = 7;
  for (size_t i = 0; i < sizeof m; i++)
    ((int8_t *)&m)[i] = (int8_t)((state = state * 1664525u + 1013904223u) >> 24);
  float pre[T * E_MOST];
  Conv1d w = {.E = E,
              .K = K,
              .format = FORMAT_I8,
              .weight = m.weight,
              .bias = m.bias,
              .weight_scale = w_scale,
              .bias_scale = b_scale};
  Tensor x = tensor_of(m.x, FORMAT_I8, T, E, x_scale), p = tensor_of(pre, FORMAT_F32, T, E, 0);
  Tensor y = tensor_of(m.y, FORMAT_I8, T, E, y_scale);
  conv1d(&w, &x, &p, &y);
  return m;
}

typedef enum Fault {
  NONE,
  FIXED_AXES,
  VARIABLE_AXES,
  SPACED_AXES,
  LISTED_AXES,
  SCALE_IN_LIST,
  DOUBLE_SCALE,
  ONE_VALUE_OFF,
  ALL_VALUES_OFF,
  NO_WEIGHT,
  NO_OUTPUT,
  NO_SCALE,
  NAN_SCALE,
  ZERO_SCALE,
  WRONG_TYPE,
  WRONG_SHAPE,
  RANK_3,
  WRONG_AXES,
  WRONG_VARIABLE_AXES,
  TWO_AXES,
  AXES_OF_NUMBERS,
  LONG_AXES,
  TWO_SCALES,
  WHOLE_SCALE,
  SOFT_LINK,
  EXTERNAL_DATA,
  WRONG_RANK,
  SQUARE,
  NO_CASE
} Fault;

static void put_scale(hid_t dataset, float value, Fault fault) {
  const hsize_t n = fault == TWO_SCALES ? 2 : 1;
  hid_t space =
      n == 2 || fault == SCALE_IN_LIST ? H5Screate_simple(1, &n, NULL) : H5Screate(H5S_SCALAR);
  hid_t type = fault == DOUBLE_SCALE  ? H5T_IEEE_F64LE
               : fault == WHOLE_SCALE ? H5T_STD_I64LE
                                      : H5T_IEEE_F32LE;
  hid_t a = H5Acreate2(dataset, "scale", type, space, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite(a, H5T_NATIVE_FLOAT, (float[]){value, value});
  H5Aclose(a);
  H5Sclose(space);
}

/* As h5py writes it: `variable` for a str, fixed for np.bytes_; `n` 0: a scalar. */
static void put_axes(hid_t dataset, const char *text, bool variable, hsize_t n) {
  hid_t space = n ? H5Screate_simple(1, &n, NULL) : H5Screate(H5S_SCALAR), type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, variable ? H5T_VARIABLE : strlen(text));
  hid_t a = H5Acreate2(dataset, "axes", type, space, H5P_DEFAULT, H5P_DEFAULT);
  const char *texts[2] = {text, text};
  H5Awrite(a, type, variable ? (const void *)texts : text);
  H5Aclose(a);
  H5Tclose(type);
  H5Sclose(space);
}

static void put_axes_of(hid_t dataset, Fault fault) {
  static const char turned[] = "token,channel";
  if (fault == FIXED_AXES) put_axes(dataset, turned, false, 0);
  if (fault == VARIABLE_AXES) put_axes(dataset, turned, true, 0);
  if (fault == SPACED_AXES) put_axes(dataset, "token, channel", true, 0);
  if (fault == LISTED_AXES) put_axes(dataset, turned, true, 1);
  if (fault == WRONG_AXES) put_axes(dataset, "channel,time", false, 0);
  if (fault == WRONG_VARIABLE_AXES) put_axes(dataset, "channel,time", true, 0);
  if (fault == TWO_AXES) put_axes(dataset, "token", true, 2);
  if (fault == LONG_AXES)
    put_axes(dataset, "token,channel,token,channel,token,channel,token,channel,token,channel", true,
             0);
  if (fault != AXES_OF_NUMBERS) return;
  hid_t space = H5Screate(H5S_SCALAR);
  H5Aclose(H5Acreate2(dataset, "axes", H5T_STD_I32LE, space, H5P_DEFAULT, H5P_DEFAULT));
  H5Sclose(space);
}

static bool is_turned(Fault fault) { return fault >= FIXED_AXES && fault <= LISTED_AXES; }

/* `data` [rows, cols]; turned: stored [cols, rows]. */
static void put(hid_t group, const char *name, const int8_t *data, int rows, int cols, bool turned,
                float scale, Fault fault) {
  bool mine = !strcmp(name, "x");
  int8_t stored[T * E_MOST];
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < cols; c++)
      stored[turned ? c * rows + r : r * cols + c] = data[r * cols + c];
  hsize_t dims[3] = {(hsize_t)(turned ? cols : rows), (hsize_t)(turned ? rows : cols), 1};
  int rank = rows == 1 ? 1 : 2;
  if (rank == 1) dims[0] = (hsize_t)cols;
  if (mine && fault == WRONG_SHAPE) dims[0]--;
  if (mine && fault == RANK_3) rank = 3, dims[1] = T / 2, dims[2] = 2;
  if (mine && fault == WRONG_RANK) dims[0] = (hsize_t)(T * E), rank = 1;
  hid_t space = H5Screate_simple(rank, dims, NULL), list = H5Pcreate(H5P_DATASET_CREATE);
  if (mine && fault == EXTERNAL_DATA) H5Pset_external(list, "/etc/passwd", 0, (hsize_t)(T * E));
  hid_t type = mine && fault == WRONG_TYPE ? H5T_STD_U8LE : H5T_STD_I8LE;
  hid_t dataset = H5Dcreate2(group, name, type, space, H5P_DEFAULT, list, H5P_DEFAULT);
  cr_assert(dataset >= 0, "%s", name);
  if (!mine || fault != EXTERNAL_DATA)
    H5Dwrite(dataset, H5T_NATIVE_INT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, stored);
  if (!mine || fault != NO_SCALE)
    put_scale(dataset,
              !mine                 ? scale
              : fault == NAN_SCALE  ? 0.0f / 0.0f
              : fault == ZERO_SCALE ? 0
                                    : scale,
              mine ? fault : NONE);
  if (mine) put_axes_of(dataset, fault);
  H5Dclose(dataset);
  H5Pclose(list);
  H5Sclose(space);
}

static void write_file(const char *path, Fault fault) {
  Made m = make();
  if (fault == ONE_VALUE_OFF) m.y[7] = (int8_t)(m.y[7] + (m.y[7] > 0 ? -2 : 2));
  for (int i = 0; fault == ALL_VALUES_OFF && i < T * E; i++) m.y[i] = (int8_t)(m.y[i] ^ 1);
  hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  hid_t outer = H5Gcreate2(file, fault == NO_CASE ? "notes" : "any name at all", H5P_DEFAULT,
                           H5P_DEFAULT, H5P_DEFAULT);
  hid_t group = H5Gcreate2(outer, fault == NO_CASE ? "scan" : "conv1d", H5P_DEFAULT, H5P_DEFAULT,
                           H5P_DEFAULT);
  cr_assert(group >= 0, "%s", path);
  if (fault == SOFT_LINK)
    H5Lcreate_soft("/any name at all/conv1d/weight", group, "x", H5P_DEFAULT, H5P_DEFAULT);
  else
    put(group, "x", m.x, T, E, !is_turned(fault), x_scale, fault);
  if (fault != NO_WEIGHT) put(group, "weight", m.weight, E, K, false, w_scale, fault);
  put(group, "bias", m.bias, 1, E, false, b_scale, fault);
  if (fault != NO_OUTPUT) put(group, "y_silu", m.y, T, E, true, y_scale, fault);
  H5Gclose(group);
  H5Gclose(outer);
  H5Fclose(file);
}

static char path[64];
static void begin(void) {
  strcpy(path, "/tmp/driftscope-vectors-XXXXXX");
  int file = mkstemp(path);
  cr_assert(file >= 0);
  close(file);
}
static void end(void) { unlink(path); }

TestSuite(vectors, .init = begin, .fini = end);

Test(vectors, other_shapes_and_names_are_read_and_a_wrong_value_is_found) {
  Arena arena = new_arena();
  static const struct {
    Fault fault;
    const char *share;
    bool good;
  } by_hand[] = {
      {NONE, "y_silu 1.000000\n", true},           {FIXED_AXES, "y_silu 1.000000\n", true},
      {VARIABLE_AXES, "y_silu 1.000000\n", true},  {SPACED_AXES, "y_silu 1.000000\n", true},
      {LISTED_AXES, "y_silu 1.000000\n", true},    {SCALE_IN_LIST, "y_silu 1.000000\n", true},
      {DOUBLE_SCALE, "y_silu 1.000000\n", true},   {ONE_VALUE_OFF, "y_silu 0.966666\n", false},
      {ALL_VALUES_OFF, "y_silu 0.000000\n", false}};
  for (size_t i = 0; i < sizeof by_hand / sizeof *by_hand; i++) {
    Status st = {0};
    const char *text;
    write_file(path, by_hand[i].fault);
    bool good = vectors(&arena, path, MICRO_CONV1D, 0.9999, &text, &st);
    cr_assert(text, "fault %d: %s", by_hand[i].fault, st.text);
    cr_expect_eq(good, by_hand[i].good, "fault %d: %s", by_hand[i].fault, text);
    cr_expect_eq(st.check, !by_hand[i].good,
                 "a share below the limit is a failed check, no input error");
    cr_expect(strstr(text, by_hand[i].share), "fault %d: %s", by_hand[i].fault, text);
    if (by_hand[i].fault == ONE_VALUE_OFF)
      cr_expect(strstr(text, "largest step 2, first difference [1, 2]"), "%s", text);
  }
}

Test(vectors, axes_are_read_in_every_spelling_where_the_shape_does_not_tell) {
  Arena arena = new_arena();
  E = 6;
  for (Fault fault = FIXED_AXES; fault <= LISTED_AXES; fault++) {
    Status st = {0};
    const char *text = "";
    write_file(path, fault);
    const VectorsAsked asked = {
        .path = path, .op = MICRO_CONV1D, .tokens = TOKENS_LAST, .least = 0.9999};
    cr_expect(micro_vectors(&arena, &asked, &text, &st), "fault %d: %s %s", fault, st.text, text);
  }
}

Test(vectors, damaged_or_misleading_files_are_refused_with_their_place) {
  static const struct {
    Fault fault;
    const char *said[2];
  } bad[] = {{NO_WEIGHT, {"any name at all/weight", "missing: [channel, tap] was expected"}},
             {NO_OUTPUT, {"any name at all", "no output of conv1d: y, y_silu, y_silu_ieee"}},
             {NO_SCALE, {"conv1d/x'", "has no scale"}},
             {NAN_SCALE, {"conv1d/x'", "its scale is no finite float above 0"}},
             {ZERO_SCALE, {"conv1d/x'", "its scale is no finite float above 0"}},
             {WRONG_TYPE, {"conv1d/x'", "is uint8, a float or int8 with a scale was expected"}},
             {WRONG_SHAPE, {"conv1d/x'", "is [4, 6], [token, channel 5] was expected"}},
             {RANK_3, {"conv1d/x'", "has 3 dimensions, [token, channel 5] was expected"}},
             {WRONG_RANK, {"conv1d/x'", "has 1 dimension, [token, channel 5] was expected"}},
             {WRONG_AXES, {"conv1d/x'", "'axes' is 'channel,time'"}},
             {WRONG_VARIABLE_AXES, {"conv1d/x'", "'axes' is 'channel,time'"}},
             {TWO_AXES, {"conv1d/x'", "'axes' is no text"}},
             {AXES_OF_NUMBERS, {"conv1d/x'", "'axes' is no text"}},
             {LONG_AXES, {"conv1d/x'", "'axes' is no text of up to 63 bytes"}},
             {TWO_SCALES, {"conv1d/x'", "its scale is no finite float above 0"}},
             {WHOLE_SCALE, {"conv1d/x'", "its scale is no finite float above 0"}},
             {SOFT_LINK, {"conv1d/x'", "soft link"}},
             {EXTERNAL_DATA, {"conv1d/x'", "another file"}},
             {SQUARE, {"conv1d/x'", "does not tell token from channel"}},
             {NO_CASE, {"no case", "conv1d"}}};
  Arena arena = new_arena();
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    Status st = {0};
    const char *text = "junk";
    E = bad[i].fault == SQUARE ? T : 5;
    write_file(path, bad[i].fault);
    cr_expect_not(vectors(&arena, path, MICRO_CONV1D, 0, &text, &st), "fault %d was taken",
                  bad[i].fault);
    cr_expect(!text && !st.check && strstr(st.text, path) == st.text, "fault %d: %s", bad[i].fault,
              st.text);
    cr_expect(strstr(st.text, bad[i].said[0]) && strstr(st.text, bad[i].said[1]), "fault %d: %s",
              bad[i].fault, st.text);
  }
}

/* --- the program ------------------------------------------------------------------------------ */

Test(vectors, exit_status_says_equal_below_the_limit_or_no_such_file) {
  new_arena();
  write_file(path, ONE_VALUE_OFF);
  cr_expect_eq(shell("%s micro conv1d --vectors %s 2>&1", shell_program(), path), 1, "%s",
               shell_output);
  cr_expect(strstr(shell_output, "0.966666 of the values are equal, below 0.9999"), "%s",
            shell_output);
  cr_expect_eq(shell("%s micro conv1d --vectors %s --min-equal 0.96 2>&1", shell_program(), path),
               0, "%s", shell_output);
  write_file(path, NONE);
  cr_expect_eq(shell("%s micro conv1d --vectors %s 2>&1", shell_program(), path), 0, "%s",
               shell_output);
  cr_expect_eq(shell("%s micro scan --vectors %s 2>&1", shell_program(), path), 2, "%s",
               shell_output);
  cr_expect_eq(shell("%s micro linear --vectors %s 2>&1", shell_program(), path), 2, "%s",
               shell_output);
  cr_expect_eq(shell("%s micro conv1d --vectors README.md 2>&1", shell_program()), 2, "%s",
               shell_output);
  cr_expect_eq(shell("%s micro conv1d --vectors /nowhere.h5 2>&1", shell_program()), 2, "%s",
               shell_output);
  cr_expect_eq(shell("%s micro nonsense 2>&1", shell_program()), 2, "%s", shell_output);
  cr_expect(strstr(shell_output, "neither an operator"), "%s", shell_output);
}

/* Cut off anywhere: refused in one line, without a signal. */
Test(vectors, truncated_file_is_refused) {
  new_arena();
  write_file(path, NONE);
  FILE *file = fopen(path, "rb");
  fseek(file, 0, SEEK_END);
  long whole = ftell(file);
  fclose(file);
  for (long size = 0; size < whole; size += whole / 9) {
    write_file(path, NONE);
    cr_assert_eq(truncate(path, size), 0);
    cr_expect_eq(shell("%s micro conv1d --vectors %s 2>&1", shell_program(), path), 2,
                 "%ld bytes: %s", size, shell_output);
    cr_expect_eq(strchr(shell_output, '\n'), shell_output + strlen(shell_output) - 1,
                 "%ld bytes, more than one line: %s", size, shell_output);
  }
}
