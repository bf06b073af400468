/* What a spec says of single tensors of a source: their axes, and the scales of int8. A pair is
 * what tells: the dump that needs it is one that does not, written another way. */
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

Test(sources_said, a_name_that_no_tensor_has_is_refused_by_its_place) {
  Arrays a = usual();
  write_npz("a.npz", &a);
  write_npz("b.npz", &a);
  SPEC(2, TWO("axes: {x: \"token,channel\", z: \"token,channel\"}"));
  SAYS("s.yaml:4:47: key 'axes': ");
  SAYS("b.npz: has no tensor of the name 'z'");
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
