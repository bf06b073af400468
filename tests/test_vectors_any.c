/* test_vectors_any: stored vectors of every operator, in every container and many types, against
 * what NumPy and PyTorch made of them (tests/vectors/make.py); and files that are none. */
#include "command/vectors.h"
#undef WORDS /* the report's: of refusals here */
#include "tests/dump_files.h"
#include "tests/shell.h"

TestSuite(vectors_any, .init = test_files_begin, .fini = test_files_end);

/* All matches of an operator in a file, and what each is of. */
typedef struct Found {
  Match match[MATCHES_MOST];
  const char *name[MATCHES_MOST]; /* "case/output" */
  int count;
} Found;

static Found find(MicroOp op, const char *file, const Mode *mode) {
  Found f = {.count = 0};
  Vectors v;
  Status st = {0};
  const char *path = arena_printf(&test_arena, "tests/vectors/%s", file);
  cr_assert(vectors_open(&test_arena, path, op, TOKENS_UNTOLD, &v, &st), "%s", st.text);
  for (int i = 0; i < v.cases; i++) {
    int count;
    memset(f.match + f.count, 0xa5, sizeof(Match));
    cr_assert(match_case(test_arena, &v, &v.one[i], mode, f.match + f.count, &count, &st), "%s",
              st.text);
    for (int k = f.count; k < f.count + count; k++)
      f.name[k] = arena_printf(&test_arena, "%s/%s", v.one[i].name,
                               vector_layout[op].array[f.match[k].array].name);
    f.count += count;
  }
  return f;
}

/* float64's own results: 0 from the reference but for float64's last places, while float32 is not;
 * the farthest measured are 2.8e-16 and 8.3e-8. */
Test(vectors_any, float64_results_of_every_operator_are_the_references) {
  for (MicroOp op = 0; op < MICRO_OPS; op++) {
    const Found f = find(op, "float64.npz", NULL);
    cr_assert_geq(f.count, op == MICRO_SCAN ? 8 : 1, "%s", micro_op_names[op]);
    for (int i = 0; i < f.count; i++) {
      const Match *m = &f.match[i];
      cr_expect(m->theirs_l2 <= 4e-16 && m->ours_l2 > 1e-8 && m->ours_l2 < 1e-7,
                "%s %s: %g, ours %g", micro_op_names[op], f.name[i], m->theirs_l2, m->ours_l2);
      cr_expect(m->beyond == 0 && m->derived && m->largest > 0);
      cr_expect(strstr(m->setting, "f32") && !strstr(m->setting, "i8"), "%s", m->setting);
    }
  }
}

/* The convolution's arrays as PyTorch has them: [1, channel, token], and a weight [channel, 1,
 * tap]. */
Test(vectors_any, float32_results_of_pytorch_lie_within_the_bound_of_every_operator) {
  for (MicroOp op = 0; op < MICRO_OPS; op++) {
    const Found f = find(op, "float32.pt", NULL);
    cr_assert_geq(f.count, 1);
    for (int i = 0; i < f.count; i++)
      cr_expect(f.match[i].beyond == 0 && f.match[i].theirs_l2 < 1e-7 && f.match[i].equal > 0 &&
                    f.match[i].rel_l2 < 1e-7,
                "%s %s: %lld beyond, %g", micro_op_names[op], f.name[i],
                (long long)f.match[i].beyond, f.match[i].theirs_l2);
  }
}

/* What runs follows from the stored types; where all of it is exact, or the output's type is
 * coarse, every value is equal. -1: not looked at. */
static const struct {
  MicroOp op;
  const char *file, *name, *setting, *modes;
  int equal; /* of all */
} types[] = {
    {MICRO_LINEAR, "int8.safetensors", "to_i8/y", "i8->i8", "0 2-0 2-1 2-2 2-3 2-4 3", 35},
    {MICRO_LINEAR, "int8.safetensors", "to_f16/y", "i8->f16", "0 2-0 2-1 2-2 2-3 2-4 3 1", 35},
    {MICRO_LINEAR, "int8.safetensors", "to_f32/y", "i8->f32", "3", 35},
    {MICRO_LINEAR, "int8.safetensors", "to_bf16/y", "i8->f32", "3", 35},
    {MICRO_CONV1D, "int8.safetensors", "to_f32/y", "i8->f32", "2-3 2-4 3", 42},
    {MICRO_CONV1D, "int8.safetensors", "to_f32/y_silu", "i8->f32", "2-3 2-4 3", -1},
    {MICRO_SCAN, "int8.safetensors", "to_f16/y_gated", "u:i8 rest:i8 blocked->f16",
     "0 2-0 1 2-2 2-4 3", 42},
    {MICRO_SCAN, "int8.safetensors", "to_f16/y_gated", "u:i8 rest:i8 sequential->f16", "2-1 2-3",
     42},
    {MICRO_SCAN, "int8.safetensors", "to_f64/y_gated", "u:i8 rest:i8 sequential->f32", "", -1},
    {MICRO_CONV1D, "mixed", "/y_silu", "f32->f32", "1 fp32", 42},
    {MICRO_SCAN, "mixed.h5", "a case/y_gated", "u:f32 rest:i8 blocked->f32", "fp32", -1},
    {MICRO_SCAN, "mixed.h5", "a case/state_q8", "u:f32 rest:i8 sequential->f32", "", 24},
    {MICRO_RMSNORM, "mixed.h5", "a case/y", "f32->i8", "0 2-0 2-1 2-2 2-3 2-4 3", 42},
    {MICRO_SILU, "narrow.safetensors", "/y", "f32->f32", "0 1 2-0 2-1 2-2 2-3 2-4 3 fp32", 42},
    {MICRO_EXP, "narrow.safetensors", "/y", "f32->f32", NULL, 42},
    {MICRO_HADAMARD, "narrow.safetensors", "/y", "f32->f32", "fp32", 72},
    {MICRO_LINEAR, "narrow.safetensors", "/y", "f32->f32", "1 fp32", 30},
    {MICRO_HADAMARD, "half.npz", "/y", "f16->f32", "1 fp32", 48},
};

Test(vectors_any, the_setting_follows_from_the_types_and_equal_is_what_must_be) {
  for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
    const Found f = find(types[t].op, types[t].file, NULL);
    const Match *m = NULL;
    for (int i = 0; i < f.count && !m; i++)
      if (!strcmp(f.name[i], types[t].name) && !strcmp(f.match[i].setting, types[t].setting))
        m = &f.match[i];
    cr_assert(m, "%zu: no %s of %s", t, types[t].setting, types[t].name);
    cr_expect(m->derived && m->beyond == 0, "%zu: %lld beyond", t, (long long)m->beyond);
    if (types[t].modes) cr_expect_str_eq(m->modes, types[t].modes, "%zu", t);
    if (types[t].equal < 0) continue;
    cr_expect_eq((int)m->equal, types[t].equal, "%zu: %zu of %zu equal", t, m->equal, m->n);
    cr_expect(m->largest == 0 && m->first == -1 && m->rel_l2 == 0, "%zu: %g", t, m->rel_l2);
  }
}

/* int8 arithmetic is exact: 5 of 42 outputs of it are no float32 convolution of the dequantised. */
Test(vectors_any, another_modes_kernel_is_told_apart) {
  const Found f = find(MICRO_CONV1D, "int8.safetensors", NULL);
  cr_assert_eq(f.count, 4);
  cr_expect_str_eq(f.match[2].setting, "f32->f32");
  cr_expect(!f.match[2].derived && f.match[2].equal < f.match[0].equal && f.match[2].beyond == 5,
            "%zu equal, %lld beyond", f.match[2].equal, (long long)f.match[2].beyond);
}

Test(vectors_any, a_mode_that_is_named_runs_alone_and_as_it_does) {
  const Found one = find(MICRO_SCAN, "int8.safetensors", mode_preset("fp32"));
  cr_assert_eq(one.count, 2, "a case each");
  for (int i = 0; i < 2; i++) {
    const Match *m = &one.match[i];
    cr_expect_str_eq(m->setting, "u:f32 rest:f32 sequential->f32");
    cr_expect(m->derived && !strcmp(m->modes, "fp32") && m->beyond == 0);
  }
  cr_expect_eq(one.match[1].equal, 42, "float16 is coarse enough");
}

/* --- the program ------------------------------------------------------------------------------ */

static int micro(const char *operator_name, const char *rest) {
  return shell("%s micro %s --vectors %s 2>&1", shell_program(), operator_name, rest);
}

Test(vectors_any, wrong_values_end_with_status_1_and_a_mode_of_other_types_with_2) {
  cr_expect_eq(micro("softplus", "tests/vectors/half.npz"), 1, "%s", shell_output);
  cr_expect(strstr(shell_output, "half.npz: y: 48 of 48 values are beyond what float32 can "
                                 "make of these inputs; the first [0, 0]: "),
            "%s", shell_output);
  cr_expect_eq(micro("softplus", "tests/vectors/half.npz --min-equal 0"), 0, "%s", shell_output);
  cr_expect_eq(micro("exp", "tests/vectors/float32.pt"), 0, "%s", shell_output);
  cr_expect_eq(micro("exp", "tests/vectors/float32.pt --min-equal 1"), 1, "%s", shell_output);
  cr_expect_eq(micro("conv1d", "tests/vectors/int8.safetensors --mode 2-4"), 0, "%s", shell_output);
  cr_expect(!strstr(shell_output, "f32->f32"), "%s", shell_output);
  cr_expect_eq(micro("conv1d", "tests/vectors/int8.safetensors --mode 0"), 2, "%s", shell_output);
  cr_expect(strstr(shell_output, "to_f32: mode 0 has i8->i8, which the types of these arrays are "
                                 "not"),
            "%s", shell_output);
  cr_expect_eq(micro("conv1d", "tests/vectors/int8.safetensors --mode 9"), 2, "%s", shell_output);
  cr_expect_eq(micro("conv2d", "tests/vectors/int8.safetensors"), 2, "%s", shell_output);
  cr_expect_eq(shell("%s micro conv1d --mode 0 2>&1", shell_program()), 2, "%s", shell_output);
  cr_expect_eq(micro("linear", "tests/vectors/int8.safetensors --lang zh"), 0, "%s", shell_output);
  cr_expect(strstr(shell_output, "相对 L2") && !strstr(shell_output, "equal"), "%s", shell_output);
}

/* --- files that are none ---------------------------------------------------------------------- */

enum { PARTS = 16 };
typedef struct Part {
  const char *name, *descr, *shape;
  unsigned char fill; /* every byte; 0xff: NaN */
} Part;

static size_t bytes_of(const Part *p) {
  size_t bytes = (size_t)(p->descr[2] - '0');
  for (const char *at = p->shape; *at; at += strspn(at, "0123456789"))
    at += strcspn(at, "0123456789"), bytes *= *at ? strtoul(at, NULL, 10) : 1;
  return bytes;
}

static Made npy_of(const Part *p) {
  const size_t bytes = bytes_of(p);
  void *data = arena_alloc(&test_arena, bytes + 1, 1);
  memset(data, p->fill, bytes);
  return made_npy(arena_printf(&test_arena,
                               "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", p->descr,
                               p->shape),
                  data, bytes);
}

static const char *npz_of(const Part *part) {
  ZipPart parts[PARTS];
  int count = 0;
  for (; part[count].name; count++)
    parts[count] =
        (ZipPart){arena_printf(&test_arena, "%s.npy", part[count].name), npy_of(&part[count])};
  return write_made("v.npz", made_zip(parts, count, ZIP_STORED));
}

#define F "<f4"
#define LINEAR_X                                                                                   \
  { "linear/x", F, "(2, 3)", 0 }
#define LINEAR_W                                                                                   \
  { "linear/weight", F, "(4, 3)", 0 }
#define LINEAR_Y                                                                                   \
  { "linear/y", F, "(2, 4)", 0 }
#define CONV                                                                                       \
  {"weight", F, "(5, 4)", 0}, {"bias", F, "(5,)", 0}, { "y_silu", F, "(2, 5)", 0 }
#define SCAN                                                                                       \
  {"dt", F, "(2, 5)", 0}, {"A_log", F, "(5, 3)", 0}, {"B", F, "(2, 3)", 0}, {"C", F, "(2, 3)", 0}, \
      {"D", F, "(5,)", 0}, {"z", F, "(2, 5)", 0}, {                                                \
    "dt_bias", F, "(5,)", 0                                                                        \
  }

static const struct {
  MicroOp op;
  Part part[PARTS];
  const char *said[3];
} bad[] = {
    {MICRO_LINEAR, {LINEAR_X, LINEAR_Y}, {"weight is missing: [output, channel] was expected"}},
    {MICRO_LINEAR, {LINEAR_X, LINEAR_W}, {"has no output of linear: y"}},
    {MICRO_LINEAR,
     {LINEAR_X, {"linear/weight", F, "(4, 5)", 0}, LINEAR_Y},
     {"'linear/x': is [2, 3], [token, channel 5] was expected, in this order or the other"}},
    {MICRO_LINEAR,
     {LINEAR_X, LINEAR_W, {"linear/y", F, "(3, 4)", 0}},
     {"'linear/y': is [3, 4], [token 2, output 4] was expected"}},
    {MICRO_LINEAR,
     {{"linear/x", F, "(2, 3)", 0xff}, LINEAR_W, LINEAR_Y},
     {"'linear/x': holds a NaN at [0, 0]"}},
    {MICRO_LINEAR,
     {{"linear/x", "|i1", "(2, 3)", 0}, LINEAR_W, LINEAR_Y},
     {"'linear/x': is int8 and has no scale", "'linear/x.scale' beside it"}},
    {MICRO_LINEAR,
     {{"linear/x", "|i1", "(2, 3)", 0}, {"linear/x.scale", F, "()", 0}, LINEAR_W, LINEAR_Y},
     {"'linear/x.scale': is the scale 0"}},
    {MICRO_LINEAR,
     {{"linear/x", "|i1", "(2, 3)", 0}, {"linear/x.scale", F, "()", 0xff}, LINEAR_W, LINEAR_Y},
     {"'linear/x.scale': is the scale", "nan"}},
    {MICRO_LINEAR,
     {{"linear/x", "|i1", "(2, 3)", 0}, {"linear/x.scale", F, "(2,)", 0}, LINEAR_W, LINEAR_Y},
     {"'linear/x': is int8 with a scale that is not one float"}},
    {MICRO_LINEAR,
     {{"linear/x", "<i4", "(2, 3)", 0}, LINEAR_W, LINEAR_Y},
     {"'linear/x': is int32, a float or int8 with a scale was expected"}},
    {MICRO_LINEAR,
     {{"linear/x", "|b1", "(2, 3)", 0}, LINEAR_W, LINEAR_Y},
     {"'linear/x': is bool, a float or int8 with a scale was expected"}},
    {MICRO_LINEAR,
     {{"linear/x", "<c8", "(2, 3)", 0}, LINEAR_W, LINEAR_Y},
     {"'linear/x'", "holds complex numbers"}},
    {MICRO_LINEAR,
     {LINEAR_X, {"linear/weight", F, "(12,)", 0}, LINEAR_Y},
     {"'linear/weight': has 1 dimension, [output, channel] was expected"}},
    {MICRO_LINEAR,
     {LINEAR_X, {"linear/weight", F, "(2, 2, 3)", 0}, LINEAR_Y},
     {"'linear/weight': has 3 dimensions, [output, channel] was expected"}},
    {MICRO_LINEAR,
     {LINEAR_X, LINEAR_W, LINEAR_Y, {"linear/wieght", F, "(4, 3)", 0}},
     {"'linear/wieght': is no array of linear, which has x, weight, y"}},
    {MICRO_LINEAR,
     {LINEAR_X, LINEAR_W, LINEAR_Y, {"linear/y.scale", F, "()", 1}},
     {"'linear/y.scale': is no array of linear"}},
    {MICRO_LINEAR,
     {LINEAR_X, {"linear.x", F, "(2, 3)", 0}, LINEAR_W, LINEAR_Y},
     {"'linear.x': is there a second time, as 'linear/x'"}},
    {MICRO_LINEAR, {LINEAR_X, LINEAR_X, LINEAR_W, LINEAR_Y}, {"linear/x", "tw"}},
    {MICRO_EXP,
     {LINEAR_X, LINEAR_W, LINEAR_Y},
     {"holds no case with vectors of exp: arrays called x, y"}},
    {MICRO_LINEAR,
     {LINEAR_X, LINEAR_W, LINEAR_Y, {"b/linear/x", F, "(2, 3)", 0}},
     {"b/weight is missing"}},
    {MICRO_LINEAR,
     {{"linear/x", F, "(0, 3)", 0}, LINEAR_W, {"linear/y", F, "(0, 4)", 0}},
     {"'linear/x': has no element"}},
    {MICRO_LINEAR,
     {{"linear/x", "|i1", "(1, 131072)", 1},
      {"linear/x.scale", F, "()", 1},
      {"linear/weight", "|i1", "(1, 131072)", 1},
      {"linear/weight.scale", F, "()", 1},
      {"linear/y", F, "(1, 1)", 0}},
     {"'linear/x': the int32 sum of an INT8 linear could overflow"}},
    {MICRO_HADAMARD,
     {{"x", F, "(2, 11)", 0}, {"y", F, "(2, 11)", 0}},
     {"'x': there is no Hadamard matrix of that width"}},
    {MICRO_HADAMARD,
     {{"x", "|i1", "(2, 4)", 0}, {"x.scale", F, "()", 1}, {"y", F, "(2, 8)", 0}},
     {"'y': is [2, 8], [token 2, channel 4] was expected"}},
    {MICRO_SILU,
     {{"x", F, "(2, 3, 4)", 0}, {"y", F, "(6, 5)", 0}},
     {"'y': is [6, 5], [token 6, channel 4] was expected"}},
    {MICRO_SILU, {{"x", F, "(3,)", 0}, {"y", "<u2", "(3,)", 0}}, {"'y': is uint16, a float was"}},
    {MICRO_RMSNORM,
     {{"x", F, "(2, 3)", 0}, {"eps", F, "(2,)", 0}, {"y", F, "(2, 3)", 0}},
     {"'eps': has 1 dimension, one number was expected"}},
    {MICRO_RMSNORM,
     {{"x", F, "(2, 3)", 0}, {"eps", F, "()", 0xbf}, {"y", F, "(2, 3)", 0}},
     {"'eps': is -", "a finite number of at least 0 was expected"}},
    {MICRO_RMSNORM,
     {{"x", F, "(2, 3)", 0}, {"gain", F, "(4,)", 0}, {"y", F, "(2, 3)", 0}},
     {"'x': is [2, 3], [token, channel 4] was expected"}},
    {MICRO_CONV1D,
     {{"x", F, "(2, 2, 5)", 0}, CONV},
     {"'x': has 3 dimensions, [token, channel 5] was expected"}},
    {MICRO_CONV1D,
     {{"x", F, "(5, 5)", 0}, CONV},
     {"'x': is [5, 5], which does not tell token from channel", "--axes"}},
    {MICRO_CONV1D,
     {{"x", F, "(2, 5)", 0},
      {"weight", F, "(5, 1025)", 0},
      {"bias", F, "(5,)", 0},
      {"y", F, "(2, 5)", 0}},
     {"'weight': has 1025 taps, at most 1024"}},
    {MICRO_SCAN,
     {{"u", F, "(2, 5)", 0}, SCAN, {"y_gated", "|i1", "(2, 5)", 0}},
     {"'y_gated': is int8, a float was expected"}},
    {MICRO_SCAN,
     {{"u", F, "(2, 5)", 0}, SCAN, {"state_q8", F, "(5, 3)", 0}},
     {"'state_q8': is float32, int8 with a scale was expected"}},
    {MICRO_SCAN,
     {{"u", F, "(4, 5)", 0}, SCAN, {"y", F, "(2, 5)", 0}},
     {"'dt': is [2, 5], [token 4, channel 5] was expected"}},
};

Test(vectors_any, what_is_missing_unknown_or_does_not_fit_is_one_line_with_its_place) {
  const size_t count = sizeof bad / sizeof *bad;
  cr_assert_geq(count, 20);
  for (size_t i = 0; i < count; i++) {
    const VectorsAsked asked = {.path = npz_of(bad[i].part), .op = bad[i].op, .least = 0};
    Status st = {0};
    const char *text = "junk";
    const bool taken = micro_vectors(&test_arena, &asked, &text, &st);
    cr_assert_not(taken, "%zu was taken: %s", i, text);
    cr_expect(!text && !st.check && strstr(st.text, asked.path) == st.text &&
                  !strchr(st.text, '\n'),
              "%zu: %s", i, st.text);
    for (int k = 0; k < 3 && bad[i].said[k]; k++)
      cr_expect(strstr(st.text, bad[i].said[k]), "%zu: '%s' is not in: %s", i, bad[i].said[k],
                st.text);
  }
}

/* 16 MB of zeros in 16 kB, said to be 24 bytes; and an archive that ends before its directory. */
Test(vectors_any, a_bomb_and_a_cut_archive_are_refused_by_the_reader_of_dumps) {
  const Part x = {"x", F, "(2, 3)", 0};
  Made npy = npy_of(&x);
  made_put(&npy, arena_alloc(&test_arena, 1 << 24, 1), 1 << 24);
  const ZipPart parts[] = {{"x.npy", npy}, {"y.npy", npy_of(&x)}};
  const char *path = write_made("bomb.npz", made_zip(parts, 2, ZIP_DEFLATED));
  cr_expect_eq(micro("exp", path), 2, "%s", shell_output);
  cr_expect(strstr(shell_output, "bomb.npz/x.npy: ") && strstr(shell_output, "shape is (2, 3)"),
            "%s", shell_output);
  Made good = made_zip((ZipPart[]){{"x.npy", npy_of(&x)}, {"y.npy", npy_of(&x)}}, 2, ZIP_STORED);
  for (size_t size = 0; size < good.count; size += 97) {
    const VectorsAsked asked = {
        .path = write_made("cut.npz", (Made){good.bytes, size}), .op = MICRO_EXP, .least = 0};
    const char *text;
    Status st = {0};
    const bool taken = micro_vectors(&test_arena, &asked, &text, &st);
    test_refused(taken, &st, WORDS("cut.npz: "));
  }
}

/* --- the table -------------------------------------------------------------------------------- */

Test(vectors_any, the_readme_names_every_array_of_every_operator) {
  FILE *file = fopen("README.md", "rb");
  cr_assert(file);
  char *text = arena_alloc(&test_arena, 1 << 20, 1), *table;
  cr_assert_gt(fread(text, 1, (1 << 20) - 1, file), 0);
  fclose(file);
  cr_assert((table = strstr(text, "| operator | inputs | outputs |")));
  *strstr(table, "\n\n") = 0;
  for (MicroOp op = 0; op < MICRO_OPS; op++) {
    const char *row = strstr(table, arena_printf(&test_arena, "| %s", micro_op_names[op]));
    if (!row) row = strstr(table, arena_printf(&test_arena, ", %s", micro_op_names[op]));
    cr_assert(row, "%s", micro_op_names[op]);
    const size_t length = strcspn(row, "\n");
    for (int i = 0; i < vector_layout[op].arrays; i++) {
      const char *name = arena_printf(&test_arena, "`%s`", vector_layout[op].array[i].name);
      const char *at = strstr(row, name);
      cr_expect(at && at < row + length, "%s of %s", name, micro_op_names[op]);
    }
  }
}
