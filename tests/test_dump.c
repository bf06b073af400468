/* test_dump: arrays out of files of every kind, in every type and order, and what is refused. */
#include <sys/resource.h>

#include "tests/dump_files.h"

TestSuite(dump, .init = test_files_begin, .fini = test_files_end);

static const float six[] = {1, 2, 3, 4, 5, 6};

Test(dump, a_safetensors_file_gives_its_arrays_in_the_order_of_the_file) {
  const char *path =
      test_write_safetensors("a.safetensors",
                             "{\"__metadata__\":{\"format\":\"pt\"},"
                             "\"y\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[16,24]},"
                             "\"z\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}",
                             six, sizeof six);
  const Dump dump = opened(path);
  cr_assert_eq(dump.arrays, 2);
  cr_expect_str_eq(dump.array[0].name, "z");
  cr_expect_str_eq(dump.array[1].name, "y");
  cr_expect_str_eq(dump.array[0].file, "");
  Tensor z = read_as(&dump, &dump.array[0], NULL, -1), y = read_as(&dump, &dump.array[1], NULL, -1);
  expect_values(&z, 2, 2, VALUES(1, 2, 3, 4));
  expect_values(&y, 1, 2, VALUES(5, 6));
}

/* The same six numbers in every type, by the bits of each. */
Test(dump, every_type_gives_its_values) {
  static const struct {
    const char *name;
    DumpType type;
    Format format;
    size_t bytes;
    uint64_t bits[6];
    double want[6];
  } types[] = {
      {"F64",
       DUMP_F64,
       FORMAT_F64,
       8,
       {0x3ff0000000000000, 0xbfe0000000000000, 1, 0x7ff0000000000000, 0x7ff8000000000000, 0},
       {1, -.5, 0x1p-1074, INFINITY, NAN, 0}},
      {"F32",
       DUMP_F32,
       FORMAT_F32,
       4,
       {0x3f800000, 0xbf000000, 1, 0x7f800000, 0x7fc00000, 0},
       {1, -.5, 0x1p-149, INFINITY, NAN, 0}},
      {"F16",
       DUMP_F16,
       FORMAT_F16,
       2,
       {0x3c00, 0xb800, 1, 0x7c00, 0x7e00, 0},
       {1, -.5, 0x1p-24, INFINITY, NAN, 0}},
      {"BF16",
       DUMP_BF16,
       FORMAT_F32,
       2,
       {0x3f80, 0xbf00, 1, 0x7f80, 0x7fc0, 0},
       {1, -.5, 0x1p-133, INFINITY, NAN, 0}},
      {"F8_E4M3",
       DUMP_F8_E4M3,
       FORMAT_F32,
       1,
       {0x38, 0xb0, 1, 0x7e, 0x7f, 0xff},
       {1, -.5, 0x1p-9, 448, NAN, NAN}},
      {"F8_E5M2",
       DUMP_F8_E5M2,
       FORMAT_F32,
       1,
       {0x3c, 0xb8, 1, 0x7b, 0x7c, 0x7d},
       {1, -.5, 0x1p-16, 57344, INFINITY, NAN}},
      {"I8", DUMP_I8, FORMAT_I8, 1, {1, 0xff, 0x80, 0x7f, 0, 2}, {1, -1, -128, 127, 0, 2}},
      {"U8", DUMP_U8, FORMAT_F32, 1, {1, 0xff, 0x80, 0x7f, 0, 2}, {1, 255, 128, 127, 0, 2}},
      {"I16",
       DUMP_I16,
       FORMAT_F32,
       2,
       {1, 0xffff, 0x8000, 0x7fff, 0, 2},
       {1, -1, -32768, 32767, 0, 2}},
      {"U16",
       DUMP_U16,
       FORMAT_F32,
       2,
       {1, 0xffff, 0x8000, 0x7fff, 0, 2},
       {1, 65535, 32768, 32767, 0, 2}},
      {"I32",
       DUMP_I32,
       FORMAT_F64,
       4,
       {1, 0xffffffff, 0x80000000, 0x7fffffff, 0, 2},
       {1, -1, -0x1p31, 0x1p31 - 1, 0, 2}},
      {"U32",
       DUMP_U32,
       FORMAT_F64,
       4,
       {1, 0xffffffff, 0x80000000, 0x7fffffff, 0, 2},
       {1, 0x1p32 - 1, 0x1p31, 0x1p31 - 1, 0, 2}},
      {"I64",
       DUMP_I64,
       FORMAT_F64,
       8,
       {1, UINT64_MAX, 1ull << 63, 1ull << 53, 0, 2},
       {1, -1, -0x1p63, 0x1p53, 0, 2}},
      {"U64",
       DUMP_U64,
       FORMAT_F64,
       8,
       {1, 3ull << 62, 1ull << 63, 1ull << 53, 0, 2},
       {1, 0x3p62, 0x1p63, 0x1p53, 0, 2}},
      {"BOOL", DUMP_BOOL, FORMAT_F32, 1, {1, 0xff, 0, 1, 0, 2}, {1, 1, 0, 1, 0, 1}}};
  for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
    unsigned char data[48];
    for (size_t i = 0; i < 6; i++)
      for (size_t b = 0; b < types[k].bytes; b++)
        data[i * types[k].bytes + b] = (unsigned char)(types[k].bits[i] >> 8 * b);
    const char *header = arena_printf(
        &test_arena, "{\"x\":{\"dtype\":\"%s\",\"shape\":[3,2],\"data_offsets\":[0,%zu]}}",
        types[k].name, 6 * types[k].bytes);
    const Dump dump =
        opened(test_write_safetensors("t.safetensors", header, data, 6 * types[k].bytes));
    cr_expect_eq(dump.array->type, types[k].type, "%s", types[k].name);
    cr_expect_eq(dump_format(dump.array), types[k].format, "%s", types[k].name);
    Tensor t = read_as(&dump, dump.array, NULL, -1);
    expect_values(&t, 3, 2, types[k].want);
  }
}

Test(dump, numpy_files_are_read_in_both_orders_and_byte_orders) {
  const float turned[] = {1, 4, 2, 5, 3, 6};
  unsigned char big[sizeof six];
  for (size_t i = 0; i < sizeof six; i++)
    big[i] = ((const unsigned char *)six)[i / 4 * 4 + 3 - i % 4];
  const Made files[] = {made_npy(NPY("<f4", "False", "(2, 3)"), six, sizeof six),
                        made_npy(NPY("<f4", "True", "(2, 3)"), turned, sizeof six),
                        made_npy(NPY(">f4", "False", "(2, 3)"), big, sizeof six)};
  for (int i = 0; i < 3; i++) {
    const Dump dump = opened(write_made("mode_2-0_layer_0_conv1d.npy", files[i]));
    cr_expect_str_eq(dump.array->name, "mode_2-0_layer_0_conv1d");
    Tensor t = read_as(&dump, dump.array, NULL, -1);
    expect_values(&t, 2, 3, VALUES(1, 2, 3, 4, 5, 6));
  }
}

/* As ml_dtypes has NumPy write them. */
Test(dump, types_without_a_name_in_numpy_are_read_where_there_is_one_such) {
  const uint16_t bf16[] = {0x3fc0, 0xc000};
  const uint8_t e5m2[] = {0x3e, 0xc0};
  const Dump b = opened(write_made("b.npy", made_npy(NPY("<V2", "False", "(2,)"), bf16, 4))),
             e = opened(write_made("e.npy", made_npy(NPY("<f1", "False", "(2,)"), e5m2, 2)));
  cr_expect(b.array->type == DUMP_BF16 && e.array->type == DUMP_F8_E5M2);
  Tensor x = read_as(&b, b.array, NULL, -1), y = read_as(&e, e.array, NULL, -1);
  expect_values(&x, 1, 2, VALUES(1.5, -2));
  expect_values(&y, 1, 2, VALUES(1.5, -2));
  refuse_dump(write_made("v.npy", made_npy(NPY("<V1", "False", "(2,)"), e5m2, 2)),
              WORDS("v.npy: holds no array", "'v' holds 8-bit floats", "safetensors"));
}

/* The file has 64 GB, all but the last array a hole; the process 3 GB of address space, 1 GB of it
 * for arrays. */
Test(dump, a_dump_larger_than_memory_is_read_array_by_array) {
#ifdef DS_SANITIZE
  cr_skip_test("the address sanitizer needs more address space than that");
#endif
  enum { ARRAYS = 64, ROWS = 16384, COLS = 16384 };
  const uint64_t bytes = (uint64_t)ROWS * COLS * 4;
  const char *header = "{";
  for (uint64_t i = 0; i < ARRAYS; i++)
    header = arena_printf(&test_arena,
                          "%s\"l.%d\":{\"dtype\":\"F32\",\"shape\":[%d,%d],"
                          "\"data_offsets\":[%llu,%llu]},",
                          header, (int)i, ROWS, COLS, (unsigned long long)(i * bytes),
                          (unsigned long long)((i + 1) * bytes));
  header = arena_printf(&test_arena,
                        "%s\"z\":{\"dtype\":\"F32\",\"shape\":[2,3],"
                        "\"data_offsets\":[%llu,%llu]}}",
                        header, (unsigned long long)(ARRAYS * bytes),
                        (unsigned long long)(ARRAYS * bytes + sizeof six));
  const char *path = test_write_safetensors("large.safetensors", header, "", 0);
  FILE *file = fopen(path, "r+b");
  cr_assert(file && fseeko(file, (off_t)(8 + strlen(header) + ARRAYS * bytes), SEEK_SET) == 0 &&
            fwrite(six, sizeof six, 1, file) == 1 && fclose(file) == 0);
  struct rlimit limit = {(rlim_t)3 << 30, (rlim_t)3 << 30};
  cr_assert(setrlimit(RLIMIT_AS, &limit) == 0);
  const Dump dump = opened(path);
  cr_assert_eq(dump.arrays, ARRAYS + 1);
  Tensor z = read_as(&dump, array_of(&dump, "z"), NULL, -1);
  expect_values(&z, 2, 3, VALUES(1, 2, 3, 4, 5, 6));
  Status st = {0};
  Tensor t;
  const DumpAxes axes = {NULL, -1};
  test_refused(dump_read(&test_arena, &dump, dump.array, &axes, NULL, &t, &st), &st,
               WORDS("large.safetensors: 'l.0': ", "1073741824 bytes", "memory"));
}

Test(dump, archives_are_read_stored_deflated_and_with_wide_numbers) {
  const ZipPart parts[] = {
      {"layers.0/x.npy", made_npy(NPY("<f4", "False", "(2, 3)"), six, sizeof six)},
      {"y.npy", made_npy(NPY("<f4", "True", "(3, 2)"), six, sizeof six)},
      {"note.txt", {(unsigned char *)"text", 4}},
      {"name.npy", made_npy(NPY("<U1", "False", "(6,)"), six, sizeof six)}};
  for (ZipHow how = ZIP_STORED; how <= ZIP_64; how++) {
    const Dump dump = opened(write_made("a.npz", made_zip(parts, 4, how)));
    cr_assert_eq(dump.arrays, 2);
    Tensor x = read_as(&dump, array_of(&dump, "layers.0/x"), NULL, -1),
           y = read_as(&dump, array_of(&dump, "y"), NULL, -1);
    expect_values(&x, 2, 3, VALUES(1, 2, 3, 4, 5, 6));
    expect_values(&y, 3, 2, VALUES(1, 4, 2, 5, 3, 6));
    cr_assert_eq(dump.passed_over, 2);
    cr_expect_str_eq(dump.passed[0].name, "note.txt");
    cr_expect_str_eq(dump.passed[1].why, "holds text");
  }
}

Test(dump, a_folder_gives_the_arrays_of_its_files_two_before_ten) {
  const char *folder = make_folder("d");
  make_folder("d/step0");
  const Made x = made_npy(NPY("<f4", "False", "(2, 3)"), six, sizeof six);
  write_made("d/layer_10.npy", x);
  write_made("d/layer_2.npy", x);
  write_made("d/step0/a.npz", made_zip(&(ZipPart){"k.npy", x}, 1, ZIP_DEFLATED));
  test_write("d/notes.txt", "text", 4);
  const Dump dump = opened(arena_printf(&test_arena, "%s/", folder));
  const char *const names[] = {"layer_2", "layer_10", "k"}, *const files[] = {"layer_2.npy",
                                                                              "layer_10.npy",
                                                                              "step0/a.npz"};
  cr_assert_eq(dump.arrays, 3);
  for (int i = 0; i < 3; i++) {
    cr_expect_str_eq(dump.array[i].name, names[i]);
    cr_expect_str_eq(dump.array[i].file, files[i]);
    Tensor t = read_as(&dump, &dump.array[i], NULL, -1);
    expect_values(&t, 2, 3, VALUES(1, 2, 3, 4, 5, 6));
  }
  cr_assert_eq(dump.passed_over, 1);
  cr_expect_str_eq(dump.passed->file, "notes.txt");
}

Test(dump, int8_takes_the_scale_that_stands_beside_it) {
  const int8_t q[] = {1, -2, 127};
  const float s = .25f;
  const double wide = .5;
  const char *folder = make_folder("d");
  write_made("d/x.npy", made_npy(NPY("|i1", "False", "(1, 3)"), q, 3));
  write_made("d/x.scale.npy", made_npy(NPY("<f4", "False", "()"), &s, 4));
  const Dump files = opened(folder);
  cr_assert_eq(files.arrays, 1);
  Tensor t = read_as(&files, files.array, NULL, -1);
  expect_values(&t, 1, 3, VALUES(.25, -.5, 31.75));
  const ZipPart parts[] = {{"k.npy", made_npy(NPY("|i1", "False", "(1, 3)"), q, 3)},
                           {"k.scale.npy", made_npy(NPY("<f8", "False", "(1,)"), &wide, 8)},
                           {"l.npy", made_npy(NPY("|i1", "False", "(1, 3)"), q, 3)}};
  const Dump keys = opened(write_made("k.npz", made_zip(parts, 3, ZIP_STORED)));
  cr_assert_eq(keys.arrays, 2);
  cr_expect_eq(array_of(&keys, "k")->scale, .5f);
  cr_expect_eq(array_of(&keys, "l")->scale, 0);
}

/* [2, 2, 3] of 1 … 12, last index fastest. */
static Dump opened_cube(void) {
  float data[12];
  for (int i = 0; i < 12; i++) data[i] = (float)(i + 1);
  return opened(
      write_made("cube.npy", made_npy(NPY("<f4", "False", "(2, 2, 3)"), data, sizeof data)));
}

Test(dump, axes_say_which_index_is_a_token) {
  const Dump dump = opened_cube();
  Tensor joined = read_as(&dump, dump.array, NULL, -1), one = read_as(&dump, dump.array, NULL, 1),
         turned = read_as(&dump, dump.array, "batch, channel, token", 0),
         both = read_as(&dump, dump.array, "batch,channel,token", -1),
         heads = read_as(&dump, dump.array, "token,channel,channel", -1),
         later = read_as(&dump, dump.array, "token,batch,channel", -1);
  expect_values(&joined, 4, 3, VALUES(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12));
  expect_values(&one, 2, 3, VALUES(7, 8, 9, 10, 11, 12));
  expect_values(&turned, 3, 2, VALUES(1, 4, 2, 5, 3, 6));
  expect_values(&both, 6, 2, VALUES(1, 4, 2, 5, 3, 6, 7, 10, 8, 11, 9, 12));
  expect_values(&heads, 2, 6, VALUES(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12));
  expect_values(&later, 4, 3, VALUES(1, 2, 3, 7, 8, 9, 4, 5, 6, 10, 11, 12));
}

Test(dump, axes_that_are_not_the_arrays_are_refused) {
  const Dump dump = opened_cube();
  static const struct {
    DumpAxes axes;
    const char *words[3];
  } wrong[] = {{{"token,channel", -1}, {"cube.npy", "'cube'", "3 dimensions"}},
               {{"token,channel,width", -1}, {"'width'", "batch, token and channel"}},
               {{"token channel", -1}, {"comma"}},
               {{"", -1}, {"''"}},
               {{NULL, 2}, {"'cube'", "has 2 in its batch", "number 2"}}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    Status st = {0};
    int rows, cols;
    const char *words[4] = {wrong[i].words[0], wrong[i].words[1], wrong[i].words[2], NULL};
    test_refused(dump_sizes(&dump, dump.array, &wrong[i].axes, &rows, &cols, &st), &st, words);
  }
}

Test(dump, a_mask_takes_rows_out_of_every_kind_of_array) {
  const bool keep[] = {true, false, false, true};
  const DumpAxes axes = {NULL, -1};
  Tensor t;
  Status st = {0};
  const Dump dump = opened_cube();
  cr_assert(dump_read(&test_arena, &dump, dump.array, &axes, keep, &t, &st), "%s", st.text);
  expect_values(&t, 2, 3, VALUES(1, 2, 3, 10, 11, 12));
  const uint16_t bf16[] = {0x3f80, 0x4000, 0x4040, 0x4080};
  const Made file = made_npy(NPY("|V2", "False", "(4, 1)"), bf16, sizeof bf16);
  const Dump packed =
      opened(write_made("a.npz", made_zip(&(ZipPart){"x.npy", file}, 1, ZIP_DEFLATED)));
  cr_expect_eq(packed.array->type, DUMP_BF16);
  cr_assert(dump_read(&test_arena, &packed, packed.array, &axes, keep, &t, &st), "%s", st.text);
  expect_values(&t, 2, 1, VALUES(1, 4));
}

Test(dump, a_file_that_changes_before_it_is_read_is_refused) {
  const DumpAxes axes = {NULL, -1};
  Status st = {0};
  Tensor t;
  const Dump dump = opened_cube();
  write_made("cube.npy", made_npy(NPY("<f4", "False", "(2, 3)"), six, sizeof six));
  test_refused(dump_read(&test_arena, &dump, dump.array, &axes, NULL, &t, &st), &st,
               WORDS("cube.npy: ", "was changed"));
}

Test(dump, whole_numbers_that_are_no_float64_are_refused_by_name) {
  const int64_t data[] = {1, (INT64_C(1) << 53) + 1};
  const DumpAxes axes = {NULL, -1};
  Status st = {0};
  Tensor t;
  const Dump dump = opened(write_made("i.npy", made_npy(NPY("<i8", "False", "(2,)"), data, 16)));
  test_refused(dump_read(&test_arena, &dump, dump.array, &axes, NULL, &t, &st), &st,
               WORDS("i.npy: 'i': ", "9007199254740993", "no float64"));
}

Test(dump, an_array_larger_than_memory_is_refused_with_its_size) {
  const DumpAxes axes = {NULL, -1};
  const float one = 1;
  Status st = {0};
  Tensor t;
  const char *path = write_made("x.npy", made_npy(NPY("<f4", "False", "(1048576, 1024)"), &one, 4));
  struct stat info;
  cr_assert(stat(path, &info) == 0 &&
            truncate(path, info.st_size - 4 + ((off_t)4 << 30)) == 0); /* a hole */
  const Dump dump = opened(path);
  test_refused(dump_read(&test_arena, &dump, dump.array, &axes, NULL, &t, &st), &st,
               WORDS("x.npy: 'x': ", "4294967296 bytes", "memory"));
}

Test(dump, links_to_files_are_followed_and_links_to_folders_are_not) {
  make_folder("d");
  make_folder("other");
  write_made("other/x.npy", made_npy(NPY("<f4", "False", "(2, 3)"), six, sizeof six));
  cr_assert(symlink("../other/x.npy", test_path("d/linked.npy")) == 0);
  cr_assert(symlink("../other", test_path("d/folder")) == 0 &&
            symlink(".", test_path("d/self")) == 0);
  const Dump dump = opened(test_path("d"));
  cr_assert(dump.arrays == 1 && dump.passed_over == 2);
  cr_expect_str_eq(dump.array->name, "linked");
  cr_expect_str_eq(dump.passed[0].why, "is a link to a folder");
}

Test(dump, control_characters_in_names_are_replaced_and_what_is_then_one_name_is_refused) {
  const Made npy = made_npy(NPY("<f4", "False", "(2, 3)"), six, sizeof six);
  const ZipPart parts[] = {{"a\x1b[31m.npy", npy}, {"a\x07[31m.npy", npy}};
  const Dump dump = opened(write_made("a.npz", made_zip(parts, 1, ZIP_STORED)));
  cr_expect_str_eq(dump.array->name, "a?[31m");
  refuse_dump(write_made("a.npz", made_zip(parts, 2, ZIP_STORED)),
              WORDS("a.npz: 'a?[31m'", "two of that name"));
}
