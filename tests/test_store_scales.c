/* Scales of rows, columns and groups in a results file: they come back with their tensors, whatever
 * kills the run or damages a byte, and a reader takes none that is not what its tensor needs. */
#include <fcntl.h>
#include <hdf5.h>

#include "fixture_store.h"
#include "shell.h"

#define BLOCK(mode) "prompts/odd_1-x/" mode "/layer_01"
#define GROUPS "/" BLOCK("2-4") "/x_proj.scale"

enum { PROMPT = 1, LAYER = 1 };

/* One of each axis, and one without: mode, tensor. */
static const struct {
  int mode, id;
  const char *group;
} of_axis[SCALE_AXES] = {[SCALE_NONE] = {0, T_SCAN_IN, BLOCK("2-0")},
                         [SCALE_ROW] = {0, T_CONV1D_SILU, BLOCK("2-0")},
                         [SCALE_COLUMN] = {0, T_SSM_STATE_Q8, BLOCK("2-0")},
                         [SCALE_GROUP] = {1, T_X_PROJ, BLOCK("2-4")}};

static const char *name_of(ScaleAxis axis) {
  return family_mamba1.tensors.info[of_axis[axis].id].name;
}

static Tensor want_tensor(Arena *arena, const Fixture *f, ScaleAxis axis) {
  return fixture_tensor(arena, &f->shape, PROMPT, LAYER, of_axis[axis].mode, of_axis[axis].id);
}

/* --- what is written comes back --------------------------------------------------------------- */

/* By hand: q times the scale of its row, column or group. */
static float want_value(const Tensor *t, int row, int col) {
  const int8_t q = ((const int8_t *)t->data)[row * t->stride + col];
  const float scale = t->scale.axis == SCALE_NONE  ? t->scale.value
                      : t->scale.axis == SCALE_ROW ? t->scale.values[row]
                      : t->scale.axis == SCALE_COLUMN
                          ? t->scale.values[col]
                          : t->scale.values[row * t->scale.stride + col / 3];
  return (float)q * scale;
}

Test(store_scales, every_value_comes_back_by_the_scale_of_its_own_row_column_or_group) {
  Fixture f = fixture_written();
  Status st = {0};
  Results results;
  cr_assert(results_open(f.results, &results, f.arena, &st), "%s", st.text);
  for (ScaleAxis axis = 0; axis < SCALE_AXES; axis++) {
    Tensor want = want_tensor(&f.arena, &f, axis), got;
    cr_assert(want.format == FORMAT_I8 && want.scale.axis == axis);
    cr_assert(results_tensor(&f.arena, &results, of_axis[axis].group, name_of(axis), &got, &st),
              "%s", st.text);
    cr_assert(got.format == FORMAT_I8 && got.rows == want.rows && got.cols == want.cols &&
              got.scale.axis == axis);
    for (int r = 0; r < want.rows; r++)
      for (int c = 0; c < want.cols; c++)
        cr_assert_eq(tensor_value(&got, (size_t)(r * want.cols + c)),
                     (double)want_value(&want, r, c), "%s [%d, %d]: got %a, want %a", name_of(axis),
                     r, c, tensor_value(&got, (size_t)(r * want.cols + c)),
                     (double)want_value(&want, r, c));
  }
  results_close(&results);
  cr_expect(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL & ~H5F_OBJ_DATATYPE) == 0,
            "handles are left open");
  fixture_drop(&f);
}

Test(store_scales, floats_of_every_width_are_read_as_they_are_kept) {
  static const int ids[] = {T_NORM, T_GATED, T_BLOCK_OUT};
  static const int mode[] = {1, 0, 2};
  Fixture f = fixture_written();
  Status st = {0};
  Results results;
  cr_assert(results_open(f.results, &results, f.arena, &st), "%s", st.text);
  for (int i = 0; i < 3; i++) {
    char group[128];
    snprintf(group, sizeof group, "prompts/odd_1-x/%s/layer_01", f.shape.side[mode[i]].name);
    Tensor want = fixture_tensor(&f.arena, &f.shape, PROMPT, LAYER, mode[i], ids[i]), got;
    const char *name = family_mamba1.tensors.info[ids[i]].name;
    cr_assert(results_tensor(&f.arena, &results, group, name, &got, &st), "%s", st.text);
    cr_assert(got.format == want.format && got.scale.axis == SCALE_NONE && got.scale.value == 0,
              "%s", name);
    for (size_t k = 0; k < (size_t)(want.rows * want.cols); k++)
      if (k != 1) cr_assert_eq(tensor_value(&got, k), tensor_value(&want, k), "%s %zu", name, k);
    cr_expect(isnan(tensor_value(&got, 1)), "%s", name);
  }
  Tensor got;
  cr_expect(!results_tensor(&f.arena, &results, BLOCK("2-0"), "attention", &got, &st));
  cr_expect(strstr(st.text, "layer_01/attention: is missing"), "%s", st.text);
  st = (Status){0};
  cr_expect(!results_tensor(&f.arena, &results, "prompts/odd_1-x/2-5/layer_01", "scan", &got, &st));
  cr_expect(strstr(st.text, "is missing"), "%s", st.text);
  results_close(&results);
  fixture_drop(&f);
}

static void expect_text(hid_t dataset, const char *name, const char *want) {
  char got[128] = "";
  hid_t attribute = H5Aopen(dataset, name, H5P_DEFAULT), type = H5Aget_type(attribute);
  cr_assert(attribute >= 0 && H5Tget_size(type) < sizeof got && H5Aread(attribute, type, got) >= 0,
            "%s", name);
  cr_expect_str_eq(got, want, "%s", name);
  H5Tclose(type), H5Aclose(attribute);
}

Test(store_scales, stand_beside_their_tensor_with_axis_group_and_digest) {
  static const hsize_t dims[SCALE_AXES][2] = {{0}, {13}, {3}, {13, 3}};
  Fixture f = fixture_written();
  hid_t file = H5Fopen(f.results, H5F_ACC_RDONLY, H5P_DEFAULT);
  for (ScaleAxis axis = SCALE_NONE; axis < SCALE_AXES; axis++) {
    char path[160], beside[168];
    snprintf(path, sizeof path, "%s/%s", of_axis[axis].group, name_of(axis));
    snprintf(beside, sizeof beside, "%s.scale", path);
    const bool none = axis == SCALE_NONE;
    cr_expect_eq(H5Aexists_by_name(file, path, "scale_factor", H5P_DEFAULT) > 0, none, "%s", path);
    cr_expect_eq(H5Lexists(file, beside, H5P_DEFAULT) > 0, !none, "%s", beside);
    if (none) continue;
    Tensor want = want_tensor(&f.arena, &f, axis);
    hid_t dataset = H5Dopen2(file, beside, H5P_DEFAULT), space = H5Dget_space(dataset);
    hsize_t got_dims[2] = {0};
    float got[13 * 3], packed[13 * 3];
    cr_assert_eq(H5Sget_simple_extent_dims(space, got_dims, NULL), axis == SCALE_GROUP ? 2 : 1);
    cr_assert(got_dims[0] == dims[axis][0] && got_dims[1] == dims[axis][1], "%s", beside);
    const size_t count = (size_t)H5Sget_simple_extent_npoints(space);
    cr_assert(H5Dread(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, got) >= 0);
    for (size_t i = 0; i < count; i++)
      packed[i] =
          want.scale.values[axis == SCALE_GROUP ? i / 3 * (size_t)want.scale.stride + i % 3 : i];
    cr_expect(!memcmp(got, packed, count * sizeof *got), "%s", beside);
    expect_text(dataset, "axis",
                axis == SCALE_ROW      ? "row"
                : axis == SCALE_COLUMN ? "column"
                                       : "group");
    expect_text(dataset, "digest", digest_of(packed, count * sizeof *packed).hex);
    cr_expect_eq(H5Aexists(dataset, "group") > 0, axis == SCALE_GROUP);
    H5Sclose(space), H5Dclose(dataset);
  }
  H5Fclose(file);
  fixture_drop(&f);
}

/* The values that the tensors stand for, as doubles one after the other, for what reads the file in
 * Python. */
static void write_values(const Fixture *f, const char *path) {
  Status st = {0};
  static double values[4096];
  size_t count = 0;
  for (ScaleAxis axis = 0; axis < SCALE_AXES; axis++) {
    Arena scratch = f->arena;
    const Tensor t = want_tensor(&scratch, f, axis);
    for (int r = 0; r < t.rows; r++)
      for (int c = 0; c < t.cols; c++) values[count++] = (double)want_value(&t, r, c);
  }
  cr_assert(file_write(path, values, count * sizeof *values, false, &st), "%s", st.text);
}

Test(store_scales, python_reads_the_same_values) {
  shell_begin();
  Fixture f = fixture_written();
  char values[160], tensors[512] = "";
  snprintf(values, sizeof values, "%s/values.bin", f.folder);
  write_values(&f, values);
  for (ScaleAxis axis = 0; axis < SCALE_AXES; axis++)
    snprintf(tensors + strlen(tensors), sizeof tensors - strlen(tensors), " %s/%s",
             of_axis[axis].group, name_of(axis));
  int status =
      shell(SHELL_PYTHON "$P tests/check_scales.py %s %s %s 2>&1", f.results, values, tensors);
  cr_assert(status == 0 || status == 77, "%s", shell_output);
  int readers = status ? status : shell(SHELL_PYTHON "$P tests/read_results.py %s 2>&1", f.results);
  cr_assert(readers == 0 || readers == 77, "%s", shell_output);
  fixture_drop(&f);
  shell_end();
  if (status || readers) cr_skip_test("the Python readers are not all installed");
}

/* --- a run that was killed -------------------------------------------------------------------- */

static off_t place_of(const Fixture *f, const char *path) {
  char partial[160];
  snprintf(partial, sizeof partial, "%s.partial", f->results);
  hid_t file = H5Fopen(partial, H5F_ACC_RDONLY, H5P_DEFAULT),
        dataset = H5Dopen2(file, path, H5P_DEFAULT);
  cr_assert(dataset >= 0, "%s", path);
  off_t at = (off_t)H5Dget_offset(dataset);
  H5Dclose(dataset), H5Fclose(file);
  return at;
}

static void flip(const char *path, off_t at) {
  int fd = open(path, O_RDWR);
  char byte;
  cr_assert(fd >= 0 && pread(fd, &byte, 1, at) == 1, "%s", path);
  byte ^= 1;
  cr_assert(pwrite(fd, &byte, 1, at) == 1);
  close(fd);
}

Test(store_scales,
     a_damaged_scale_of_an_unfinished_run_sends_its_prompt_back_and_the_end_is_the_same) {
  Digest want = fixture_undisturbed();
  Fixture f = fixture_make();
  Status st = {0};
  char partial[160];
  fixture_leave(&f, PROMPTS * LAYERS - 1);
  snprintf(partial, sizeof partial, "%s.partial", f.results);
  flip(partial, place_of(&f, GROUPS) + 5);
  Store *store = fixture_start(&f);
  cr_expect_eq(store_layers_done(store, 0, f.arena), LAYERS);
  cr_expect_eq(store_layers_done(store, PROMPT, f.arena), 0);
  store_close(store);
  cr_assert(fixture_run(&f, &st), "%s", st.text);
  Digest got = fixture_content(&f);
  cr_expect_str_eq(got.hex, want.hex);
  fixture_drop(&f);
}

Test(store_scales, one_that_changed_after_it_was_written_stops_the_end_by_name) {
  Fixture f = fixture_make();
  Status st = {0};
  char partial[160];
  Store *store = fixture_start(&f);
  const off_t at = place_of(&f, GROUPS);
  cr_assert(fixture_layers(&f, store, -1, &st), "%s", st.text);
  store_written(store); /* waits for the last layer */
  snprintf(partial, sizeof partial, "%s.partial", f.results);
  flip(partial, at + 5);
  cr_assert(!fixture_finish(&f, store, &st));
  cr_expect(strstr(st.text, "prompt odd_1-x, layer 1: x_proj.scale: its digest differs"), "%s",
            st.text);
  store_close(store);
  fixture_drop(&f);
}

/* --- a file that somebody changed ------------------------------------------------------------- */

static void expect_refused(Fixture *f, hid_t file, const char *why) {
  Status st = {0};
  Results results;
  H5Fclose(file);
  cr_assert(!results_open(f->results, &results, f->arena, &st), "%s: was taken", why);
  cr_expect(strstr(st.text, GROUPS ": ") && strstr(st.text, why), "no '%s': %s", why, st.text);
  cr_expect(H5Fget_obj_count((hid_t)H5F_OBJ_ALL,
                             H5F_OBJ_FILE | H5F_OBJ_GROUP | H5F_OBJ_DATASET | H5F_OBJ_ATTR) == 0);
  fixture_drop(f);
}

static void put_attribute(hid_t file, const char *path, const char *name, hid_t type,
                          const void *value) {
  if (H5Aexists_by_name(file, path, name, H5P_DEFAULT) > 0)
    H5Adelete_by_name(file, path, name, H5P_DEFAULT);
  hid_t space = H5Screate(H5S_SCALAR), dataset = H5Dopen2(file, path, H5P_DEFAULT),
        attribute = H5Acreate2(dataset, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  cr_assert(attribute >= 0 && H5Awrite(attribute, type, value) >= 0);
  H5Aclose(attribute), H5Dclose(dataset), H5Sclose(space);
}

static void put_text(hid_t file, const char *path, const char *name, const char *text) {
  hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, strlen(text));
  put_attribute(file, path, name, type, text);
  H5Tclose(type);
}

static void put_group(hid_t file, int32_t group) {
  put_attribute(file, GROUPS, "group", H5T_STD_I32LE, &group);
}

/* In place of the scales of groups; its other attributes as they have to be. */
static void replace(hid_t file, hid_t type, int rank, const hsize_t *dims) {
  static char zeros[1024];
  cr_assert(H5Ldelete(file, GROUPS, H5P_DEFAULT) >= 0);
  hid_t space = H5Screate_simple(rank, dims, NULL),
        dataset = H5Dcreate2(file, GROUPS, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  cr_assert(dataset >= 0 && H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, zeros) >= 0);
  H5Dclose(dataset), H5Sclose(space);
  put_text(file, GROUPS, "axis", "group");
  put_group(file, 3);
}

Test(store_scales, of_another_axis_group_size_or_type_are_refused_by_name) {
  static const hsize_t good[] = {13, 3}, wide[] = {13, 4}, tall[] = {12, 3}, one[] = {39};
  Fixture f = fixture_written();
  hid_t file = fixture_change(&f);
  put_text(file, GROUPS, "axis", "diagonal");
  expect_refused(&f, file, "attribute 'axis' is 'diagonal', not row, column or group");
  static const char *const axes[] = {"none", "row", "column"};
  static const char *const axis_whys[] = {"attribute 'axis' is 'none'",
                                          "that scales by row of its tensor have",
                                          "that scales by column of its tensor have"};
  for (int i = 0; i < 3; i++) {
    f = fixture_written(), file = fixture_change(&f);
    put_text(file, GROUPS, "axis", axes[i]);
    expect_refused(&f, file, axis_whys[i]);
  }
  static const int32_t groups[] = {0, -3, 9, 2, INT32_MAX};
  static const char *const group_whys[] = {
      "'group' is 0, in rows of 8", "'group' is -3", "'group' is 9",
      "that scales by group of its tensor have", "'group' is 2147483647"};
  for (int i = 0; i < 5; i++) {
    f = fixture_written(), file = fixture_change(&f);
    put_group(file, groups[i]);
    expect_refused(&f, file, group_whys[i]);
  }
  f = fixture_written(), file = fixture_change(&f);
  put_attribute(file, GROUPS, "group", H5T_IEEE_F64LE, &(double){3});
  expect_refused(&f, file, "attribute 'group' has another type than written here");
  const struct {
    hid_t type;
    int rank;
    const hsize_t *dims;
    const char *why;
  } made[] = {{H5T_IEEE_F64LE, 2, good, "does not hold 32-bit floats"},
              {H5T_STD_I32LE, 2, good, "does not hold 32-bit floats"},
              {H5T_IEEE_F32LE, 2, wide, "that scales by group of its tensor have"},
              {H5T_IEEE_F32LE, 2, tall, "that scales by group of its tensor have"},
              {H5T_IEEE_F32LE, 1, one, "that scales by group of its tensor have"}};
  for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
    f = fixture_written(), file = fixture_change(&f);
    replace(file, made[i].type, made[i].rank, made[i].dims);
    expect_refused(&f, file, made[i].why);
  }
}

Test(store_scales, without_an_axis_a_tensor_or_beside_a_scale_factor_are_refused_by_name) {
  Fixture f = fixture_written();
  hid_t file = fixture_change(&f);
  cr_assert(H5Adelete_by_name(file, GROUPS, "axis", H5P_DEFAULT) >= 0);
  expect_refused(&f, file, "has no attribute 'axis'");
  f = fixture_written(), file = fixture_change(&f);
  cr_assert(H5Adelete_by_name(file, GROUPS, "group", H5P_DEFAULT) >= 0);
  expect_refused(&f, file, "has no attribute 'group'");
  f = fixture_written(), file = fixture_change(&f);
  cr_assert(H5Ldelete(file, "/" BLOCK("2-4") "/x_proj", H5P_DEFAULT) >= 0);
  expect_refused(&f, file, "has no tensor beside it");
  f = fixture_written(), file = fixture_change(&f);
  put_attribute(file, "/" BLOCK("2-4") "/x_proj", "scale_factor", H5T_IEEE_F32LE, &(float){0.5f});
  expect_refused(&f, file, "its tensor has a scale_factor too");
  f = fixture_written(), file = fixture_change(&f);
  cr_assert(H5Ldelete(file, GROUPS, H5P_DEFAULT) >= 0);
  cr_assert(H5Lcreate_soft("/tables/drift", file, GROUPS, H5P_DEFAULT, H5P_DEFAULT) >= 0);
  expect_refused(&f, file, "is a soft link");
}

Test(store_scales, a_changed_byte_of_them_is_named_and_one_without_a_digest_is_counted) {
  Fixture f = fixture_written();
  hid_t file = fixture_change(&f), dataset = H5Dopen2(file, GROUPS, H5P_DEFAULT);
  const off_t at = (off_t)H5Dget_offset(dataset) + 5;
  H5Dclose(dataset), H5Fclose(file);
  flip(f.results, at);
  expect_refused(&f, fixture_change(&f), "its digest differs");
  f = fixture_written(), file = fixture_change(&f);
  cr_assert(H5Adelete_by_name(file, GROUPS, "digest", H5P_DEFAULT) >= 0);
  H5Fclose(file);
  Status st = {0};
  Results results;
  Tensor t;
  cr_assert(results_open(f.results, &results, f.arena, &st), "%s", st.text);
  cr_expect_eq(results.unproved, 1);
  cr_expect_str_eq(results.first_unproved, GROUPS);
  cr_expect(results_tensor(&f.arena, &results, BLOCK("2-4"), "x_proj", &t, &st), "%s", st.text);
  results_close(&results);
  fixture_drop(&f);
}

Test(store_scales, of_a_name_that_no_tensor_has_are_somebody_elses) {
  Fixture f = fixture_written();
  hid_t file = fixture_change(&f), space = H5Screate(H5S_NULL),
        dataset = H5Dcreate2(file, "/" BLOCK("2-4") "/attention.scale", H5T_STD_I64LE, space,
                             H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  H5Dclose(dataset), H5Sclose(space), H5Fclose(file);
  Status st = {0};
  Results results;
  cr_assert(results_open(f.results, &results, f.arena, &st), "%s", st.text);
  results_close(&results);
  fixture_drop(&f);
}
