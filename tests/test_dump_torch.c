/* test_dump_torch: what torch.save writes, every view and type of it; what is no tensor is refused
 * by its name, and nothing is executed. Files of tests/dumps are torch's own (make.py there). */
#include "tests/dump_files.h"

TestSuite(dump_torch, .init = test_files_begin, .fini = test_files_end);

#define DUMPS "tests/dumps/"

Test(dump_torch, views_of_one_storage_are_what_torch_sees) {
  const Dump dump = opened(DUMPS "views.pt");
  cr_assert_eq(dump.arrays, 6);
  Tensor whole = read_as(&dump, array_of(&dump, "whole"), NULL, -1),
         turned = read_as(&dump, array_of(&dump, "turned"), NULL, -1),
         piece = read_as(&dump, array_of(&dump, "part"), NULL, -1),
         column = read_as(&dump, array_of(&dump, "column"), NULL, -1),
         spread = read_as(&dump, array_of(&dump, "spread"), NULL, -1),
         permuted = read_as(&dump, array_of(&dump, "permuted"), NULL, -1);
  double all[24];
  for (int i = 0; i < 24; i++) all[i] = i;
  expect_values(&whole, 6, 4, all);
  expect_values(&turned, 4, 3, VALUES(0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11));
  expect_values(&piece, 2, 2, VALUES(16, 18, 20, 22));
  expect_values(&column, 1, 3, VALUES(1, 5, 9));
  expect_values(&spread, 3, 4, VALUES(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3));
  cr_assert(permuted.rows == 8 && permuted.cols == 3);
  for (int r = 0; r < 8; r++)
    for (int c = 0; c < 3; c++)
      cr_expect_eq(element(&permuted, r, c), r / 2 + 12 * (r % 2) + 4 * c, "[%d, %d]", r, c);
}

Test(dump_torch, every_type_is_read_in_old_and_new_pickles) {
  static const char *const files[] = {DUMPS "kinds_2.pt", DUMPS "kinds_5.pt"};
  static const struct {
    const char *name;
    DumpType type;
    double want[3];
  } types[] = {{"float64", DUMP_F64, {1.5, -2, 0}},
               {"float32", DUMP_F32, {1.5, -2, 0}},
               {"float16", DUMP_F16, {1.5, -2, 0}},
               {"bfloat16", DUMP_BF16, {1.5, -2, 0}},
               {"float8_e4m3fn", DUMP_F8_E4M3, {1.5, -2, 0}},
               {"float8_e5m2", DUMP_F8_E5M2, {1.5, -2, 0}},
               {"int8", DUMP_I8, {1, -2, 0}},
               {"int16", DUMP_I16, {1, -2, 0}},
               {"int32", DUMP_I32, {1, -2, 0}},
               {"int64", DUMP_I64, {1, -2, 0}},
               {"bool", DUMP_BOOL, {1, 1, 0}},
               {"uint8", DUMP_U8, {1, 2, 0}},
               {"uint16", DUMP_U16, {1, 2, 0}},
               {"uint32", DUMP_U32, {1, 2, 0}},
               {"uint64", DUMP_U64, {1, 2, 0}}};
  for (int f = 0; f < 2; f++) {
    const Dump dump = opened(files[f]);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
      const DumpArray *array =
          array_of(&dump, arena_printf(&test_arena, "types.%s", types[i].name));
      cr_expect_eq(array->type, types[i].type, "%s", types[i].name);
      Tensor t = read_as(&dump, array, NULL, -1);
      expect_values(&t, 1, 3, types[i].want);
    }
  }
}

Test(dump_torch, what_is_nested_has_the_names_of_its_places) {
  const Dump dump = opened(DUMPS "kinds_2.pt");
  cr_assert_eq(dump.arrays, 15 + 4);
  Tensor first = read_as(&dump, array_of(&dump, "list.0"), NULL, -1),
         second = read_as(&dump, array_of(&dump, "list.1.0"), NULL, -1),
         parameter = read_as(&dump, array_of(&dump, "ordered.w"), NULL, -1),
         numbered = read_as(&dump, array_of(&dump, "meta.5"), NULL, -1);
  expect_values(&first, 3, 4, VALUES(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
  expect_values(&second, 3, 4, VALUES(12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23));
  expect_values(&parameter, 1, 3, VALUES(1.5, -2, 0));
  expect_values(&numbered, 1, 3, VALUES(1.5, -2, 0));
  cr_assert_eq(dump.passed_over, 1);
  cr_expect_str_eq(dump.passed->name, "complex");
  cr_expect_str_eq(dump.passed->why, "is of the type torch.complex64, which is not read");
}

Test(dump_torch, a_tensor_alone_has_the_name_of_its_file) {
  const Dump bare = opened(DUMPS "bare.pt"), attribute = opened(DUMPS "attribute.pt"),
             state = opened(DUMPS "state.pt");
  cr_expect_str_eq(bare.array->name, "bare");
  Tensor t = read_as(&bare, bare.array, NULL, -1),
         x = read_as(&attribute, array_of(&attribute, "x"), NULL, -1),
         weight = read_as(&state, array_of(&state, "weight"), NULL, -1);
  expect_values(&t, 4, 3, VALUES(0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11));
  expect_values(&x, 1, 3, VALUES(1.5, -2, 0));
  expect_values(&weight, 1, 2, VALUES(1, 2));
}

Test(dump_torch, what_is_no_tensor_is_refused_by_its_name) {
  static const struct {
    const char *file, *words[3];
  } files[] = {{DUMPS "module.pt", {"module.pt: ", "torch.nn.modules.linear.Linear", "executed"}},
               {DUMPS "legacy.pt", {"legacy.pt: ", "before PyTorch 1.6", "torch.load"}},
               {DUMPS "script.pt", {"script.pt: ", "TorchScript", "torch.save"}},
               {DUMPS "numpy.pt", {"numpy.pt: ", "numpy.ndarray"}},
               {DUMPS "sparse.pt", {"sparse.pt: ", "_rebuild_sparse_tensor"}},
               {DUMPS "tuple_key.pt", {"tuple_key.pt: ", "neither text nor a whole number"}}};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    refuse_dump(files[i].file, WORDS(files[i].words[0], files[i].words[1],
                                     files[i].words[2] ? files[i].words[2] : files[i].words[1]));
}

/* --- pickles by hand -------------------------------------------------------------------------- */

/* An archive of a pickle, and of one storage of 8 bytes. */
static const char *write_pickle(const char *pickle, size_t count) {
  static unsigned char storage[8] = {0, 0, 128, 63, 0, 0, 0, 64}; /* 1, 2 */
  const ZipPart parts[] = {{"a/data.pkl", {(unsigned char *)pickle, count}},
                           {"a/data/0", {storage, sizeof storage}}};
  return write_made("p.pt", made_zip(parts, 2, ZIP_STORED));
}
#define PICKLE(text) write_pickle("\x80\2" text, sizeof("\x80\2" text) - 1)
#define TEXT(n, text) "X" n "\0\0\0" text
#define STORAGE(type, key, count)                                                                  \
  "(" TEXT("\7", "storage") "ctorch\n" type "\n" TEXT("\1", key) TEXT("\3", "cpu") "K" count "tQ"
#define TENSOR(storage, offset, size, stride)                                                      \
  "ctorch._utils\n_rebuild_tensor_v2\n(" storage "K" offset size stride "\x89}tR"
#define FLOATS STORAGE("FloatStorage", "0", "\2")
#define NAMED(value) "}" TEXT("\1", "x") value "s"

Test(dump_torch, a_pickle_by_hand_is_read) {
  const Dump dump = opened(PICKLE(NAMED(TENSOR(FLOATS, "\1", "K\1\x85", "K\1\x85")) "."));
  Tensor t = read_as(&dump, array_of(&dump, "x"), NULL, -1);
  expect_values(&t, 1, 1, VALUES(2));
}

/* The words of the refusal behind the file's name. */
#define REFUSED(finding, pickle, ...)                                                              \
  Test(dump_torch, finding) { refuse_dump(PICKLE(pickle), WORDS("p.pt: ", __VA_ARGS__)); }

REFUSED(a_call_of_the_system_is_refused_by_its_name, "cposix\nsystem\n" TEXT("\2", "id") "\x85R.",
        "posix.system", "nothing of a file is executed")
REFUSED(a_name_from_the_stack_is_refused_too, TEXT("\2", "os") TEXT("\6", "system") "\x93.",
        "os.system")
REFUSED(new_objects_of_known_classes_are_not_made, "ctorch\nTensor\n)\x81.", "torch.Tensor",
        "does not take")
REFUSED(an_object_that_is_all_of_a_file_is_refused_by_its_class,
        "cposix\nfork\n)\x81}" TEXT("\1", "x") TENSOR(FLOATS, "\0", "K\1\x85", "K\1\x85") "sb.",
        "is a posix.fork", "nothing of a file is executed")
REFUSED(a_tensor_beyond_its_storage_is_refused,
        NAMED(TENSOR(FLOATS, "\1", "K\2\x85", "K\1\x85")) ".", "'x'", "float32 [2]",
        "byte 12 of its 8")
REFUSED(an_offset_behind_the_storage_is_refused,
        NAMED(TENSOR(FLOATS, "\3", "K\0\x85", "K\1\x85")) ".", "'x'", "byte 12 of its 8")
REFUSED(a_storage_of_another_size_is_refused,
        NAMED(TENSOR(STORAGE("FloatStorage", "0", "\3"), "\0", "K\1\x85", "K\1\x85")) ".",
        "data/0 has 8 bytes", "3 elements")
REFUSED(a_storage_that_is_missing_is_refused,
        NAMED(TENSOR(STORAGE("FloatStorage", "1", "\2"), "\0", "K\1\x85", "K\1\x85")) ".", "data/1",
        "missing")
REFUSED(a_size_without_strides_is_refused, NAMED(TENSOR(FLOATS, "\0", "K\1\x85", ")")) ".",
        "size and stride")
REFUSED(sizes_below_zero_are_refused,
        NAMED(TENSOR(FLOATS, "\0", "J\377\377\377\377\x85", "K\1\x85")) ".", "not below 0")
REFUSED(nine_dimensions_are_refused,
        NAMED(TENSOR(FLOATS, "\0", "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t",
                     "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t")) ".",
        "at most 8")
REFUSED(sizes_whose_product_overflows_are_refused,
        NAMED(TENSOR(FLOATS, "\0", "\x8a\10\0\0\0\0\0\0\0\100\x8a\1\4\x86", "K\0K\0\x86")) ".",
        "more elements than can be counted")
REFUSED(an_untyped_storage_of_an_untyped_tensor_is_refused,
        NAMED(TENSOR("(" TEXT("\7", "storage") "ctorch.storage\nUntypedStorage\n" TEXT("\1", "0")
                         TEXT("\3", "cpu") "K\10tQ",
                     "\0", "K\1\x85", "K\1\x85")) ".",
        "without a type")
REFUSED(a_list_in_itself_is_refused, "]q\0h\0a.", "nested deeper than 64")
REFUSED(a_dictionary_in_itself_is_refused, "}q\0" TEXT("\1", "x") "h\0s.", "nested deeper than 64")
REFUSED(a_stack_that_is_empty_is_refused, ".", "its stack")
REFUSED(a_mark_that_is_missing_is_refused, "t.", "its stack")
REFUSED(a_list_that_is_none_is_refused, "NNa.", "its stack")
REFUSED(a_key_without_a_value_is_refused, "}(Nu.", "its stack")
REFUSED(a_memory_that_is_empty_is_refused, "h\7.", "place 7")
REFUSED(a_place_far_off_is_refused, "Nr\0\0\0\177.", "place 2130706432")
REFUSED(a_pickle_without_an_end_is_refused, "N", "cut off")
REFUSED(a_text_longer_than_the_pickle_is_refused, "X\377\377\377\177a.", "cut off")
REFUSED(a_number_that_is_cut_off_is_refused, "J\1", "cut off")
REFUSED(a_name_without_a_line_is_refused, "ctorch", "cut off")
REFUSED(a_parameter_of_no_tensor_is_refused, "ctorch._utils\n_rebuild_parameter\nN\x85R.",
        "_rebuild_parameter", "does not take")
REFUSED(a_pickle_without_tensors_is_refused, "}.", "holds no array")

Test(dump_torch, other_protocols_are_refused) {
  static const char zero[] = "(lp0\n.", six[] = "\x80\6}.";
  refuse_dump(write_pickle(zero, sizeof zero - 1), WORDS("p.pt: ", "instruction 0x70"));
  refuse_dump(write_pickle(six, sizeof six - 1), WORDS("p.pt: ", "protocol 6"));
}

/* Objects as Python's copyreg, NEWOBJ and NEWOBJ_EX make them, with a tensor in their arguments and
 * states, and lists and dictionaries of a class of their own. */
Test(dump_torch, an_object_of_a_foreign_class_is_listed_and_the_tensors_beside_it_are_read) {
#define ONE TENSOR(FLOATS, "\0", "K\2\x85", "K\1\x85")
#define CLASS "cte.tensor\nFloat8Tensor\n"
  static const struct {
    const char *pickle;
    size_t count;
  } quantized[] = {
#define OBJECT(text)                                                                               \
  {"\x80\2}(" TEXT("\4", "high") ONE TEXT("\1", "q") text TEXT("\1", "z") ONE "u.",                \
   sizeof("\x80\2}(" TEXT("\4", "high") ONE TEXT("\1", "q") text TEXT("\1", "z") ONE "u.") - 1}
      OBJECT("cte.tensor\n_make\n(" CLASS ONE "}tR"),
      OBJECT("ccopyreg\n_reconstructor\n(" CLASS "cbuiltins\nobject\nNtR}" TEXT("\1", "x") ONE
             "sb"),
      OBJECT(CLASS ")\x81}" TEXT("\1", "x") ONE "sb"),
      OBJECT(CLASS ")}\x92"),
      OBJECT(CLASS "]" ONE "a\x85R(NNe(NNu"),
      OBJECT("ctorch._utils\n_rebuild_parameter\n(" CLASS ")R\x89}tR"),
      OBJECT("ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor_v2\n" CLASS
             "(" FLOATS "K\0K\1\x85K\1\x85\x89}t}tR"),
      OBJECT("ctorch._utils\n_rebuild_tensor_v2\n((" TEXT("\7", "storage") CLASS TEXT("\1", "0")
                 TEXT("\3", "cpu") "K\2tQK\0K\1\x85K\1\x85\x89}tR")};
  for (size_t i = 0; i < sizeof quantized / sizeof *quantized; i++) {
    const Dump dump = opened(write_pickle(quantized[i].pickle, quantized[i].count));
    cr_assert(dump.arrays == 2 && dump.passed_over == 1, "%zu: %d arrays, %d not read", i,
              dump.arrays, dump.passed_over);
    Tensor high = read_as(&dump, array_of(&dump, "high"), NULL, -1),
           z = read_as(&dump, array_of(&dump, "z"), NULL, -1);
    expect_values(&high, 1, 2, VALUES(1, 2));
    expect_values(&z, 1, 2, VALUES(1, 2));
    cr_expect_str_eq(dump.passed->name, "q");
    cr_expect_str_eq(dump.passed->why, "is a te.tensor.Float8Tensor, which is not read: nothing of "
                                       "a file is executed");
  }
}

REFUSED(objects_alone_are_no_dump, "}" TEXT("\1", "x") CLASS ")\x81s.", "holds no array",
        "'x' is a te.tensor.Float8Tensor")

/* What is no file of a dump is listed where other files are, and refused where none is. */
Test(dump_torch, a_file_of_another_kind_does_not_cost_its_folder) {
  static const struct {
    const char *name, *content;
    size_t count;
    const char *why;
  } others[] = {{"d/args.bin", "#!/bin/sh\n", 10, "begins as no file that is read"},
                {"d/args.pt", "\x80\4}.", 4, "is a Python pickle"}};
  const float one = 1;
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    const char *folder = make_folder("d");
    const char *path = test_write(others[i].name, others[i].content, others[i].count);
    refuse_dump(path, WORDS("d/args.", others[i].why));
    refuse_dump(folder, WORDS("holds no array", "'args.", others[i].why));
    write_made("d/x.npy", made_npy(NPY("<f4", "False", "(1,)"), &one, 4));
    const Dump dump = opened(folder);
    cr_assert(dump.arrays == 1 && dump.passed_over == 1);
    cr_expect_str_eq(dump.passed->file, others[i].name + 2);
    cr_expect(strstr(dump.passed->why, others[i].why) == dump.passed->why, "%s", dump.passed->why);
    remove(path);
    remove(test_path("d/x.npy"));
    rmdir(folder);
  }
}

/* 16 tuples, each of 16 times the one before: 16^16 values, if all were looked at. */
Test(dump_torch, tuples_of_one_tuple_are_not_walked_for_ever) {
  Made pickle = {0};
  made_put(&pickle, "\x80\2]\x85", 4);
  for (int i = 0; i < 16; i++)
    made_put(&pickle, "q\0(h\0h\0h\0h\0h\0h\0h\0h\0h\0h\0h\0h\0h\0h\0h\0h\0t", 36);
  made_put(&pickle, ".", 1);
  refuse_dump(write_pickle((const char *)pickle.bytes, pickle.count),
              WORDS("p.pt: ", "more than 4000000 values"));
}

/* {"q": int8 [2], "q.scale": 0.5}: the scale is a number, and no tensor. */
Test(dump_torch, int8_takes_a_number_for_its_scale) {
#define BYTES STORAGE("CharStorage", "0", "\10")
#define SCALED(real)                                                                               \
  "}(" TEXT("\1", "q") TENSOR(BYTES, "\2", "K\2\x85", "K\1\x85") TEXT("\7", "q.scale") "G" real "u."
  const Dump dump = opened(PICKLE(SCALED("\x3f\xe0\0\0\0\0\0\0")));
  Tensor t = read_as(&dump, array_of(&dump, "q"), NULL, -1);
  expect_values(&t, 1, 2, VALUES(-64, 31.5)); /* the bytes 128 and 63 of 1.0f */
  refuse_dump(PICKLE(SCALED("\xbf\xe0\0\0\0\0\0\0")), WORDS("p.pt: 'q': ", "scale is -0.5"));
}
