/* What a spec says of single tensors of a source: their axes, the scales of int8, and which of
 * their rows are padding. A pair is what tells: the dump that needs it is one that does not,
 * written another way. */
#include "tests/source_files.h"

TestSuite(sources_said, .init = sources_begin, .fini = test_files_end);

#define NPY_OF(type, shape) "{'descr': '" type "', 'fortran_order': False, 'shape': " shape ", }"
#define TWO(of_b)                                                                                  \
  "title: t\nsources:\n  a: {dump: a.npz}\n  b: {dump: b.npz, " of_b "}\npairs: [[a, b]]\n"

/* The usual arrays, of which x is [channel, token]. */
static Arrays turned(void) {
  Arrays all = {.count = 0}, right = usual();
  for (int layer = 0; layer < LAYERS; layer++)
    for (int t = 0; t < 2; t++) {
      float value[VALUES_A_TENSOR];
      memcpy(value, value_in(&right, layer, t), sizeof value);
      for (int i = 0; i < VALUES_A_TENSOR && t == 0; i++)
        value[i % WIDTH * TOKENS + i / WIDTH] = value_in(&right, layer, t)[i];
      add_floats(&all, arena_printf(&test_arena, "layers.%d.%s", layer, tensor_names[t]),
                 t ? TOKENS : WIDTH, t ? WIDTH : TOKENS, value);
    }
  return all;
}

Test(sources_said, axes_are_a_tensors_own) {
  Arrays a = usual(), b = turned();
  write_npz("a.npz", &a);
  write_npz("b.npz", &b);
  static const char *const same[] = {
      TWO("axes: {x: \"channel,token\"}"), TWO("axes: {\"layers.*.x\": \"channel,token\"}"),
      TWO("axes: {default: \"channel,token\", y: \"token,channel\"}"),
      TWO("axes: {\"layers.{layer}.x\": \"channel,token\", \"*\": \"token,channel\"}")};
  for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
    SPEC(0, same[i]);
    expect_first("a against b: IDENTICAL: all 6 tensors");
  }
  SPEC(2, TWO("axes: \"channel,token\""));
  SAYS("layers.0.y: is [4, 5]");
  expect_one_line();
}

/* The same whole numbers, float32 in a and int8 in b. */
Test(sources_said, int8_of_no_scale_is_compared_as_its_integers_which_is_said) {
  Arrays a = {.count = 0}, b = {.count = 0};
  for (int layer = 0; layer < LAYERS; layer++) {
    float value[VALUES_A_TENSOR];
    int8_t integer[VALUES_A_TENSOR];
    for (int i = 0; i < VALUES_A_TENSOR; i++)
      value[i] = integer[i] = (int8_t)(i * 53 % 255 - 127 + layer);
    const char *name = arena_printf(&test_arena, "layers.%d.x", layer);
    add_floats(&a, name, TOKENS, WIDTH, value);
    add_array(&b, name, NPY_OF("|i1", "(5, 4)"), integer, sizeof integer);
  }
  write_npz("a.npz", &a);
  write_npz("b.npz", &b);
  COMPARE(0, "a.npz", "b.npz");
  expect_first("a against b: IDENTICAL: all 3 tensors");
  read_report();
  SAYS("compared as the integers that they are, in b: 3 arrays of `x`");
  SPEC(0, TWO("scales: {x: 0.5}"));
  read_report();
  NOT_SAYS("compared as the integers");
  RUN(0, "dump list %s/b.npz", test_folder);
  SAYS("int8        no scale");
}

/* The number that stands first in b's names is not their layer. */
Test(sources_said, each_dump_of_a_command_line_may_have_names_of_its_own) {
  Arrays a = usual(), b = {.count = 0};
  for (int layer = 0; layer < LAYERS; layer++)
    for (int t = 0; t < 2; t++)
      add_floats(&b, arena_printf(&test_arena, "v2.blk%d.%s", layer, tensor_names[t]), TOKENS,
                 WIDTH, value_in(&a, layer, t));
  write_npz("a.npz", &a);
  write_npz("b.npz", &b);
#define NAMED(want, names)                                                                         \
  RUN(want, "compare %s/a.npz %s/b.npz -q --fresh -o %s/out " names, test_folder, test_folder,     \
      test_folder)
  NAMED(2, "");
  SAYS("b.npz: has no tensor that ");
  expect_one_line();
  NAMED(0, "--names auto --names 'v2.blk{layer}.{tensor}'");
  expect_first("a against b: IDENTICAL: all 6 tensors");
  NAMED(0, "--names 'layers.{layer}.{tensor}' --names 'v2.blk{layer}.{tensor}'");
  expect_first("a against b: IDENTICAL: all 6 tensors");
  NAMED(0, "--names 'layers.{layer}.{tensor}|v2.blk{layer}.{tensor}'");
  expect_first("a against b: IDENTICAL: all 6 tensors");
  NAMED(2, "--names 'v2.blk{layer}.{tensor}'");
  SAYS("a.npz: no name of it fits 'v2.blk{layer}.{tensor}'");
  NAMED(2, "--names 'v2.blk{layer}.{tensor}' --names auto");
  SAYS("a.npz: no name of it fits 'v2.blk{layer}.{tensor}'");
}

Test(sources_said, a_name_that_no_tensor_has_is_refused_by_its_place) {
  Arrays a = usual();
  write_npz("a.npz", &a);
  write_npz("b.npz", &a);
  SPEC(2, TWO("axes: {x: \"token,channel\", z: \"token,channel\"}"));
  SAYS("s.yaml:4:47: key 'axes': ");
  SAYS("b.npz: has no tensor of the name 'z'");
  expect_one_line();
  SPEC(2, TWO("axes: \"rows,channel\""));
  SAYS("s.yaml:4:26: key 'axes': 'rows' in 'rows,channel' is none of batch, token and channel");
  expect_one_line();
  SPEC(2, TWO("scales: {\"l*.x\": 0.5}"));
  SAYS("s.yaml:4:29: key 'scales': ");
  SAYS("b.npz: has no int8 tensor of the name 'l*.x'");
  expect_one_line();
}

/* x is int8, whole numbers of which a.npz has the values, at 1/4 in layer 0 and 1/2 behind it. */
static void write_quantised(bool with_scale) {
  Arrays a = {.count = 0}, b = {.count = 0};
  for (int layer = 0; layer < LAYERS; layer++) {
    const char *name = arena_printf(&test_arena, "layers.%d.x", layer);
    float value[VALUES_A_TENSOR], scale = layer ? 0.5f : 0.25f;
    int8_t q[VALUES_A_TENSOR];
    for (int i = 0; i < VALUES_A_TENSOR; i++) {
      q[i] = (int8_t)(i * 13 % 255 - 127);
      value[i] = (float)q[i] * scale;
    }
    add_floats(&a, name, TOKENS, WIDTH, value);
    add_array(&b, name, NPY_OF("|i1", "(5, 4)"), q, sizeof q);
    if (with_scale)
      add_array(&b, arena_printf(&test_arena, "%s.scale", name), NPY_OF("<f4", "()"), &scale, 4);
  }
  write_npz("a.npz", &a);
  write_npz("b.npz", &b);
}

Test(sources_said, int8_without_a_scale_beside_it_takes_that_of_the_spec) {
  write_quantised(false);
  static const char *const right[] = {TWO("scales: {layers.0.x: 0.25, x: 0.5}"),
                                      TWO("scales: {\"layers.0.*\": 0.25, default: 0.5}")};
  for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
    SPEC(0, right[i]);
    for (int layer = 0; layer < LAYERS; layer++) {
      expect_cell("x", layer, "max_abs", 0);
      cr_expect_eq(cell("pair_stats", "x", layer, "mean_base"),
                   cell("pair_stats", "x", layer, "mean_other"));
    }
  }
  SPEC(0, TWO("scales: {x: 0.5}"));
  expect_cell("x", 0, "max_abs", 127 * 0.25);
  expect_cell("x", 1, "max_abs", 0);
}

Test(sources_said, a_scale_beside_it_and_another_in_the_spec_are_refused) {
  write_quantised(true);
  SPEC(0, TWO("scales: {layers.0.x: 0.25}"));
  SPEC(2, TWO("scales: {x: 0.25}"));
  SAYS("s.yaml:4:29: key 'scales': ");
  SAYS("b.npz: 'layers.1.x' has the scale 0.5 beside it, and not 0.25");
  expect_one_line();
}

/* --- padding ---------------------------------------------------------------------------------- */

enum { PADDED = 8 };

/* The usual arrays as [1, 8, 4], of which the rows that are told are padding, NaN; and in each
 * layer a state of 4 rows. */
static Arrays padded(const char *rows) {
  Arrays all = {.count = 0}, right = usual();
  for (int layer = 0; layer < LAYERS; layer++) {
    add_floats(&all, arena_printf(&test_arena, "layers.%d.state", layer), WIDTH, WIDTH,
               value_in(&right, layer, 0));
    for (int t = 0; t < 2; t++) {
      float value[PADDED * WIDTH];
      for (int row = 0, from = 0; row < PADDED; row++)
        for (int c = 0; c < WIDTH; c++)
          value[row * WIDTH + c] = rows[row] == '0' ? NAN : value_in(&right, layer, t)[from++];
      add_array(&all, arena_printf(&test_arena, "layers.%d.%s", layer, tensor_names[t]),
                NPY_OF("<f4", "(1, 8, 4)"), value, sizeof value);
    }
  }
  return all;
}

static void add_mask(Arrays *all, const char *name, const char *rows) {
  int64_t mask[PADDED];
  for (int i = 0; i < PADDED; i++) mask[i] = rows[i] - '0';
  add_array(all, name, NPY_OF("<i8", "(1, 8)"), mask, sizeof mask);
}

static void write_plain(void) {
  Arrays a = {.count = 0}, right = usual();
  for (int layer = 0; layer < LAYERS; layer++) {
    add_floats(&a, arena_printf(&test_arena, "layers.%d.state", layer), WIDTH, WIDTH,
               value_in(&right, layer, 0));
    a.part[a.count++] = right.part[2 * layer];
    a.part[a.count++] = right.part[2 * layer + 1];
  }
  add_tokens(&a, (int64_t[]){3, 1, 4, 1, 5});
  write_npz("a.npz", &a);
}

Test(sources_said, padding_on_either_side_is_left_out_of_tensors_and_tokens) {
  static const char *const masks[] = {"11111000", "00011111", "01011110"};
  write_plain();
  for (size_t m = 0; m < sizeof masks / sizeof *masks; m++) {
    static const int64_t given[] = {3, 1, 4, 1, 5};
    int64_t id[PADDED];
    Arrays b = padded(masks[m]);
    add_mask(&b, "attention_mask", masks[m]);
    for (int i = 0, k = 0; i < PADDED; i++) id[i] = masks[m][i] == '1' ? given[k++] : -100;
    add_array(&b, "input_ids", NPY_OF("<i8", "(1, 8)"), id, sizeof id);
    write_npz("b.npz", &b);
    COMPARE(0, "a.npz", "b.npz");
    expect_first("a against b: IDENTICAL: all 9 tensors");
    NOT_SAYS("NOT FINITE");
    read_report();
    SAYS("- Padding by its mask, and left out of b: 3 tokens.");
    NOT_SAYS("attention_mask");
    id[masks[m][4] == '1' ? 4 : 3]++;
    b.count--;
    add_array(&b, "input_ids", NPY_OF("<i8", "(1, 8)"), id, sizeof id);
    write_npz("b.npz", &b);
    COMPARE(1, "a.npz", "b.npz");
    expect_first("NOT THE SAME QUESTION: a and b were given other tokens: ");
  }
  RUN(0, "dump list %s/b.npz", test_folder);
  SAYS("mask attention_mask: 3 of 8 tokens are padding");
  RUN(0, "dump list --json %s/b.npz", test_folder);
  SAYS("\"padding\": 3");
  Arrays one = padded("11111110");
  add_mask(&one, "attention_mask", "11111110");
  write_npz("one.npz", &one);
  RUN(0, "dump list %s/one.npz", test_folder);
  SAYS("mask attention_mask: 1 of 8 tokens is padding");
}

Test(sources_said, a_mask_is_the_one_that_the_spec_names) {
  static const char rows[] = "11111000";
  const uint8_t bools[PADDED] = {1, 1, 1, 1, 1};
  write_plain();
  Arrays b = padded(rows);
  add_mask(&b, "attention_mask", "11111111");
  add_array(&b, "pad", NPY_OF("|b1", "(8,)"), bools, sizeof bools);
  write_npz("b.npz", &b);
  SPEC(0, TWO("mask: pad"));
  expect_first("a against b: IDENTICAL: all 9 tensors");
  static const char refused[] = "is [8, 4], and x of other layers or sources is [5, 4]";
  SPEC(2, TWO("mask: none"));
  SAYS(refused);
  SPEC(2, TWO("inputs: any"));
  SAYS(refused);
  expect_one_line();
}

/* Two sequences of [2, 4], of which both or the second are taken. */
Test(sources_said, masks_of_a_batch_are_joined_or_one_is_taken_as_its_rows_are) {
  static const int64_t mask[] = {1, 1, 0, 0, 0, 1, 1, 1};
  Arrays a = {.count = 0}, right = usual(), b = padded("11000111"), one = {.count = 0};
  for (int layer = 0; layer < LAYERS; layer++) {
    const char *name = arena_printf(&test_arena, "layers.%d.x", layer);
    add_floats(&a, name, TOKENS, WIDTH, value_in(&right, layer, 0));
    add_floats(&one, name, 3, WIDTH, value_in(&right, layer, 0) + 2 * WIDTH);
  }
  for (int i = 0; i < b.count; i++) { /* x alone, and as [2, 4, 4] */
    if (i % 3 != 1) continue;
    const Made npy = b.part[i].content;
    b.part[i / 3] =
        (ZipPart){b.part[i].name, made_npy(NPY_OF("<f4", "(2, 4, 4)"),
                                           npy.bytes + npy.count - 4 * (size_t)PADDED * WIDTH,
                                           4 * (size_t)PADDED * WIDTH)};
  }
  b.count = LAYERS;
  add_array(&b, "attention_mask", NPY_OF("<i8", "(2, 4)"), mask, sizeof mask);
  write_npz("b.npz", &b);
  write_npz("a.npz", &a);
  SPEC(0, TWO("batch: all"));
  expect_first("a against b: IDENTICAL: all 3 tensors");
  write_npz("a.npz", &one);
  SPEC(0, TWO("batch: 1"));
  expect_first("a against b: IDENTICAL: all 3 tensors");
}

Test(sources_said, passes_have_masks_of_their_own) {
  static const char *const rows[] = {"11111000", "00011111"};
  Arrays a = {.count = 0}, b = {.count = 0};
  for (int p = 0; p < 2; p++) {
    Arrays of_a = usual(), of_b = padded(rows[p]);
    add_mask(&of_b, "attention_mask", rows[p]);
    for (int i = 0; i < of_a.count; i += 2)
      a.part[a.count++] = (ZipPart){arena_printf(&test_arena, "step%d/%s", p, of_a.part[i].name),
                                    of_a.part[i].content};
    for (int i = 1; i < of_b.count; i += i < 7 ? 3 : 2)
      b.part[b.count++] = (ZipPart){arena_printf(&test_arena, "step%d/%s", p, of_b.part[i].name),
                                    of_b.part[i].content};
  }
  write_npz("a.npz", &a);
  write_npz("b.npz", &b);
#define STEPS "names: \"step{pass}/layers.{layer}.{tensor}|step{pass}/{tensor}\""
  SPEC(0, "title: t\nsources: {a: {dump: a.npz, " STEPS "}, b: {dump: b.npz, " STEPS
          "}}\npairs: [[a, b]]\n");
  expect_first("a against b: IDENTICAL: all 6 tensors");
  read_report();
  SAYS("left out of b: 6 tokens.");
  b.count--;
  write_npz("b.npz", &b);
  SPEC(2, "title: t\nsources: {a: {dump: a.npz, " STEPS "}, b: {dump: b.npz, " STEPS
          ", mask: attention_mask}}\npairs: [[a, b]]\n");
  SAYS("key 'mask': ");
  SAYS("b.npz: pass '1' has no array 'attention_mask'");
}

Test(sources_said, int8_can_be_a_mask) {
  static const int8_t rows[8] = {1, 1, 1, 1, 1, 0, 0, 0};
  write_plain();
  Arrays b = padded("11111000");
  add_array(&b, "attention_mask", NPY_OF("|i1", "(8,)"), rows, sizeof rows);
  write_npz("b.npz", &b);
  COMPARE(0, "a.npz", "b.npz");
  expect_first("a against b: IDENTICAL: all 9 tensors");
}

Test(sources_said, what_is_no_mask_is_refused_in_one_line) {
  static const float floats[PADDED] = {1};
  static const int64_t ids[4] = {1, 1, 1, 0};
  static const struct {
    const char *mask, *says[2];
  } wrong[] = {
      {"short", {"has 8 rows, and the mask 'short' 4 tokens", "b.npz: 'layers.0.x'"}},
      {"none_left", {"b.npz: 'none_left': is a mask that leaves no token of 8"}},
      {"floats", {"'floats': is float32 [1, 8], and a mask is [tokens] or [batch, tokens]"}},
      {"cube", {"'cube': is int64 [1, 2, 2]"}},
      {"nowhere", {"b.npz: has no array 'nowhere'", "s.yaml:4:"}},
      {"\"*o*\"", {"are both the mask of pass"}}};
  write_plain();
  Arrays b = padded("11111000");
  add_array(&b, "short", NPY_OF("<i8", "(4,)"), ids, sizeof ids);
  add_mask(&b, "none_left", "00000000");
  add_floats(&b, "floats", 1, PADDED, floats);
  add_array(&b, "cube", NPY_OF("<i8", "(1, 2, 2)"), ids, sizeof ids);
  write_npz("b.npz", &b);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    SPEC(2, arena_printf(&test_arena, TWO("mask: %s"), wrong[i].mask));
    for (int w = 0; w < 2 && wrong[i].says[w]; w++) SAYS(wrong[i].says[w]);
    expect_one_line();
  }
}
