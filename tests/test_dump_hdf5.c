/* test_dump_hdf5: the datasets of HDF5 files that others wrote, and of driftscope's own results;
 * what is read by another way than its neighbours has the same values. tests/dumps/arrays.h5 is
 * h5py's own (make.py there). */
#include <glob.h>
#include <hdf5.h>

#include "base/digest.h"
#include "base/file.h"
#include "source/dump/names.h"
#include "store/arrays.h"
#include "store/store.h"
#include "tests/dump_files.h"

static void begin(void) {
  test_files_begin();
  store_start();
}
TestSuite(dump_hdf5, .init = begin, .fini = test_files_end);

#define ARRAYS "tests/dumps/arrays.h5"

Test(dump_hdf5, every_type_of_h5py_is_read) {
  static const struct {
    const char *name;
    DumpType type;
  } types[] = {{"f8", DUMP_F64},  {"f4", DUMP_F32}, {"f2", DUMP_F16}, {"i1", DUMP_I8},
               {"i2", DUMP_I16},  {"i4", DUMP_I32}, {"i8", DUMP_I64}, {"u1", DUMP_U8},
               {"u2", DUMP_U16},  {"u4", DUMP_U32}, {"u8", DUMP_U64}, {">f8", DUMP_F64},
               {">f4", DUMP_F32}, {">i2", DUMP_I16}};
  const Dump dump = opened(ARRAYS);
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    const DumpArray *array = array_of(&dump, arena_printf(&test_arena, "types/%s", types[i].name));
    cr_expect_eq(array->type, types[i].type, "%s", types[i].name);
    Tensor t = read_as(&dump, array, NULL, -1);
    expect_values(&t, 1, 3, VALUES(1, 2, 100));
  }
  Tensor mask = read_as(&dump, array_of(&dump, "types/bool"), NULL, -1);
  expect_values(&mask, 1, 3, VALUES(1, 0, 1));
}

Test(dump_hdf5, every_layout_gives_the_same_values) {
  const Dump dump = opened(ARRAYS);
  static const char *const names[] = {"layer_2/packed", "layer_2/whole", "layer_10/packed",
                                      "layer_10/whole"};
  for (int k = 0; k < 4; k++) {
    Tensor t = read_as(&dump, array_of(&dump, names[k]), "token,batch,channel", -1);
    cr_assert(t.rows == 6 && t.cols == 4);
    for (int i = 0; i < 24; i++) /* token i / 12 of batch i / 4 % 3 */
      cr_expect_eq(element(&t, 2 * (i / 4 % 3) + i / 12, i % 4), i, "%s", names[k]);
  }
  Tensor compact = read_as(&dump, array_of(&dump, "compact"), NULL, -1),
         scalar = read_as(&dump, array_of(&dump, "scalar"), NULL, -1);
  expect_values(&compact, 1, 2, VALUES(1.5, -2));
  expect_values(&scalar, 1, 1, VALUES(3.5));
}

Test(dump_hdf5, layer_2_stands_before_layer_10) {
  const Dump dump = opened(ARRAYS);
  int two = -1, ten = -1;
  for (int i = 0; i < dump.arrays; i++) {
    if (!strcmp(dump.array[i].name, "layer_2/whole")) two = i;
    if (!strcmp(dump.array[i].name, "layer_10/whole")) ten = i;
  }
  cr_expect(two >= 0 && ten > two, "%d, %d", two, ten);
}

Test(dump_hdf5, int8_has_the_scale_of_its_attribute_or_of_its_neighbour) {
  const Dump dump = opened(ARRAYS);
  static const double scales[] = {.5, .25, 2};
  for (int i = 0; i < 3; i++) {
    Tensor t = read_as(&dump, array_of(&dump, arena_printf(&test_arena, "q%d", i)), NULL, -1);
    expect_values(&t, 1, 2, VALUES(-2 * scales[i], 4 * scales[i]));
  }
}

Test(dump_hdf5, what_is_not_read_is_listed_with_the_reason) {
  static const char *const want[][2] = {{"q3", "a scale that is not one float"},
                                        {"q3.scale", "such a scale"},
                                        {"not/empty", "holds no data"},
                                        {"not/external", "an external link"},
                                        {"not/lzf", "compression='gzip'"},
                                        {"not/records", "holds records"},
                                        {"not/soft", "a soft link"},
                                        {"not/text", "holds text"},
                                        {"not/virtual", "a virtual dataset"}};
  const Dump dump = opened(ARRAYS);
  cr_assert_eq(dump.passed_over, (int)(sizeof want / sizeof *want));
  for (int i = 0; i < dump.passed_over; i++) {
    cr_expect_str_eq(dump.passed[i].name, want[i][0]);
    cr_expect(strstr(dump.passed[i].why, want[i][1]), "%s: %s", want[i][0], dump.passed[i].why);
  }
}

/* --- files made here -------------------------------------------------------------------------- */

static hid_t made_file(const char *name) {
  hid_t file = H5Fcreate(test_path(name), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  cr_assert(file >= 0);
  return file;
}

static hid_t put_dataset(hid_t at, const char *name, hid_t type, hsize_t rows, hsize_t cols,
                         const void *data) {
  const hsize_t dims[] = {rows, cols};
  hid_t space = H5Screate_simple(2, dims, NULL), links = H5Pcreate(H5P_LINK_CREATE);
  H5Pset_create_intermediate_group(links, 1);
  hid_t dataset = H5Dcreate2(at, name, type, space, links, H5P_DEFAULT, H5P_DEFAULT);
  cr_assert(dataset >= 0 && H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
  H5Pclose(links);
  H5Sclose(space);
  return dataset;
}

Test(dump_hdf5, results_of_driftscope_are_a_dump_by_a_mode) {
  const float x[2] = {1, 2};
  hid_t file = made_file("results.h5");
  static const char *const names[] = {
      "prompts/p/2-0/embedding",       "prompts/p/2-0/layer_00/conv1d",
      "prompts/p/2-0/layer_01/conv1d", "prompts/p/2-4/layer_00/conv1d",
      "prompts/p/2-4/layer_01/conv1d", "prompts/p/token"};
  for (int i = 0; i < 6; i++) H5Dclose(put_dataset(file, names[i], H5T_IEEE_F32LE, 1, 2, x));
  H5Fclose(file);
  const Dump dump = opened(test_path("results.h5"));
  DumpLayout layout;
  Status st = {0};
  test_refused(
      dump_layout(&test_arena, &dump, NULL, &layout, &st), &st,
      WORDS("'prompts/p/2-0/layer_00/conv1d'", "'prompts/p/2-4/layer_00/conv1d'", ":MODE"));
  st = (Status){0};
  cr_assert(dump_layout(&test_arena, &dump, "driftscope:2-0", &layout, &st), "%s", st.text);
  cr_expect(layout.entries == 3 && layout.layers == 2 && layout.lefts == 3);
  cr_expect_str_eq(layout.pass[0], "p");
  cr_expect_str_eq(layout.entry[2].array->name, "prompts/p/2-0/layer_01/conv1d");
}

Test(dump_hdf5, bfloat16_and_float8_are_known_by_their_fields) {
  const uint16_t bits[2] = {0x3fc0, 0xc000};
  const uint8_t small[2] = {0x3e, 0xc0};
  hid_t file = made_file("b.h5"), type = H5Tcopy(H5T_IEEE_F32LE), e5m2 = H5Tcopy(H5T_IEEE_F32LE);
  cr_assert(H5Tset_fields(type, 15, 7, 8, 0, 7) >= 0 && H5Tset_size(type, 2) >= 0 &&
            H5Tset_ebias(type, 127) >= 0);
  cr_assert(H5Tset_fields(e5m2, 7, 2, 5, 0, 2) >= 0 && H5Tset_size(e5m2, 1) >= 0 &&
            H5Tset_ebias(e5m2, 15) >= 0);
  H5Dclose(put_dataset(file, "b", type, 1, 2, bits));
  H5Dclose(put_dataset(file, "e", e5m2, 1, 2, small));
  H5Tset_ebias(type, 100);
  H5Dclose(put_dataset(file, "odd", type, 1, 2, bits));
  H5Fclose(file);
  const Dump dump = opened(test_path("b.h5"));
  cr_assert(dump.arrays == 2 && dump.array[0].type == DUMP_BF16 &&
            dump.array[1].type == DUMP_F8_E5M2);
  Tensor b = read_as(&dump, &dump.array[0], NULL, -1), e = read_as(&dump, &dump.array[1], NULL, -1);
  expect_values(&b, 1, 2, VALUES(1.5, -2));
  expect_values(&e, 1, 2, VALUES(1.5, -2));
  cr_expect_str_eq(dump.passed[0].name, "odd");
}

static void put_text(hid_t object, const char *name, const char *text) {
  hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
  H5Tset_size(type, strlen(text));
  hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  cr_assert(H5Awrite(attribute, type, text) >= 0);
  H5Aclose(attribute), H5Sclose(space), H5Tclose(type);
}

/* x and, in gzipped chunks, packed: 64 x 32 float32 in a file of such a program, each with a digest
 * and a format. */
enum { TALL = 64, WIDE = 32 };
static const char *made_results(const char *program, const char *digest, const char *format,
                                const float *value) {
  const hsize_t dims[] = {TALL, WIDE}, chunk[] = {8, WIDE};
  hid_t file = made_file("r.h5"), space = H5Screate_simple(2, dims, NULL),
        packing = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(packing, 2, chunk);
  H5Pset_deflate(packing, 4);
  for (int packed = 0; packed < 2; packed++) {
    hid_t x = H5Dcreate2(file, packed ? "packed" : "x", H5T_IEEE_F32LE, space, H5P_DEFAULT,
                         packed ? packing : H5P_DEFAULT, H5P_DEFAULT);
    cr_assert(H5Dwrite(x, H5T_IEEE_F32LE, H5S_ALL, H5S_ALL, H5P_DEFAULT, value) >= 0);
    if (digest) put_text(x, "digest", digest);
    if (format) put_text(x, "format", format);
    H5Dclose(x);
  }
  put_text(file, "program", program);
  H5Pclose(packing), H5Sclose(space), H5Fclose(file);
  return test_path("r.h5");
}

static void fill_halves(float value[TALL * WIDE]) {
  for (int i = 0; i < TALL * WIDE; i++) value[i] = (float)(i % 1024) / 64;
}

Test(dump_hdf5, float16_of_driftscopes_results_is_float16) {
  float value[TALL * WIDE];
  double want[TALL * WIDE];
  fill_halves(value);
  for (int i = 0; i < TALL * WIDE; i++) want[i] = (double)value[i];
  const Dump ours = opened(made_results("driftscope 0.1.0", NULL, "float16", value));
  for (int i = 0; i < 2; i++) {
    Tensor t = read_as(&ours, &ours.array[i], NULL, -1);
    cr_expect(t.format == FORMAT_F16 && dump_format(&ours.array[i]) == FORMAT_F16);
    cr_expect_str_eq(dump_type_name[ours.array[i].type], "float16");
    expect_values(&t, TALL, WIDE, want);
  }
  const Dump theirs = opened(made_results("another 1.0", NULL, "float16", value));
  cr_expect_eq(dump_format(theirs.array), FORMAT_F32);
  value[5] = 1.0f / 3;
  const Dump wrong = opened(made_results("driftscope 0.1.0", NULL, "float16", value));
  Status st = {0};
  Tensor t;
  test_refused(dump_read(&test_arena, &wrong, array_of(&wrong, "x"), &(DumpAxes){.batch = -1}, NULL,
                         &t, &st),
               &st, WORDS("r.h5: 'x': ", "0.333333343", "no float16"));
}

/* However it is read: whole, some rows of it, turned around, out of a child. */
Test(dump_hdf5, a_digest_that_differs_is_refused_by_file_and_tensor) {
  float value[TALL * WIDE];
  fill_halves(value);
  bool some[TALL] = {[3] = true, [7] = true};
  const Digest right = digest_of(value, sizeof value);
  const char *const digests[] = {right.hex, "0123456789abcdef0123456789abcdef", "short"};
  for (int d = 0; d < 3; d++) {
    const Dump ours = opened(made_results("driftscope 0.1.0", digests[d], NULL, value));
    for (int how = 0; how < 6; how++) {
      const DumpArray *array = &ours.array[how % 2];
      const DumpAxes axes = {how / 2 == 1 ? "channel,token" : NULL, -1};
      Status st = {0};
      Tensor t;
      const bool ok =
          dump_read(&test_arena, &ours, array, &axes, how / 2 == 2 ? some : NULL, &t, &st);
      cr_expect_eq(ok, d == 0, "%s by way %d: %s", digests[d], how, st.text);
      if (!ok)
        test_refused(ok, &st,
                     WORDS("r.h5: '", array->name, "its digest differs: the data has changed"));
    }
  }
  const Dump theirs = opened(made_results("another 1.0", digests[1], NULL, value));
  read_as(&theirs, theirs.array, NULL, -1);
}

Test(dump_hdf5, scales_that_are_none_are_refused) {
  static const double scales[] = {0, -1, INFINITY, NAN, 1e-60, 1e60};
  for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
    const int8_t q[2] = {1, 2};
    hid_t file = made_file("q.h5"), dataset = put_dataset(file, "q", H5T_STD_I8LE, 1, 2, q);
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t scale = H5Acreate2(dataset, "scale", H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(scale, H5T_NATIVE_DOUBLE, &scales[i]);
    H5Aclose(scale), H5Sclose(space), H5Dclose(dataset), H5Fclose(file);
    refuse_dump(test_path("q.h5"), WORDS("q.h5: 'q': ", "scale", "above 0"));
  }
}

Test(dump_hdf5, groups_in_a_circle_are_refused) {
  hid_t file = made_file("circle.h5");
  H5Gclose(H5Gcreate2(file, "g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  cr_assert(H5Lcreate_hard(file, "/", file, "g/up", H5P_DEFAULT, H5P_DEFAULT) >= 0);
  H5Fclose(file);
  refuse_dump(test_path("circle.h5"), WORDS("circle.h5: ", "nested deeper than 16"));
}

Test(dump_hdf5, a_damaged_file_costs_a_line) {
  Made whole = {0};
  Bytes bytes;
  Status st = {0};
  cr_assert(file_read(&test_arena, ARRAYS, (size_t)1 << 20, &bytes, &st), "%s", st.text);
  made_put(&whole, bytes.data, bytes.count);
  for (size_t cut = 512; cut < whole.count; cut += whole.count / 8) {
    Dump dump;
    Status why = {0};
    write_made("cut.h5", (Made){whole.bytes, cut});
    test_refused(dump_open(&test_arena, test_path("cut.h5"), &dump, &why), &why, WORDS("cut.h5"));
  }
}

/* What a child reads of a file is what stands in it when it is read. */
Test(dump_hdf5, a_file_that_changes_is_refused_where_a_child_reads_too) {
  const DumpAxes axes = {NULL, -1};
  Bytes bytes;
  Status st = {0};
  Tensor t;
  cr_assert(file_read(&test_arena, ARRAYS, (size_t)1 << 20, &bytes, &st), "%s", st.text);
  const Dump dump = opened(test_write("a.h5", bytes.data, bytes.count));
  test_write("a.h5", bytes.data, bytes.count - 1);
  test_refused(
      dump_read(&test_arena, &dump, array_of(&dump, "layer_2/packed"), &axes, NULL, &t, &st), &st,
      WORDS("a.h5: ", "was changed"));
}

/* Files that HDF5 crashes on, or that hang it: the child's end is a line, and so is what is read.
 */
Test(dump_hdf5, files_that_end_hdf5_cost_a_line) {
  glob_t files;
  cr_assert(glob("tests/hostile/*.h5", 0, NULL, &files) == 0 && files.gl_pathc > 0);
  for (size_t i = 0; i < files.gl_pathc; i++) {
    Dump dump;
    Status st = {0};
    if (dump_open(&test_arena, files.gl_pathv[i], &dump, &st)) continue;
    cr_expect(strstr(st.text, files.gl_pathv[i]) && !strchr(st.text, '\n'), "%s", st.text);
  }
  globfree(&files);
}
