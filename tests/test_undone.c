/* Sides of rewritten weights beside sides that are not: what is rotated is rotated back, and that
 * is proved; what cannot be is told; a declaration that the values contradict comes before all
 * else. The rotation of these dumps is the matrix by its definition (tests/paley.h), entry by
 * entry. */
#include "reference/model64.h"
#include "tests/paley.h"
#include "tests/small_model.h"
#include "tests/source_files.h"

TestSuite(undone, .init = sources_begin, .fini = test_files_end);

/* --- the transform ---------------------------------------------------------------------------- */

Test(undone, transform_back_is_the_transposed_matrix_of_every_form) {
  static const int sizes[] = {1, 2, 8, 64, 12, 24, 96, 192, 20, 40, 160, 28, 56, 224};
  for (int s = 0; s < (int)(sizeof sizes / sizeof *sizes); s++) {
    const int n = sizes[s], order = hadamard64_factor(n);
    double *x = calloc((size_t)n * (size_t)n, sizeof *x);
    for (int i = 0; i < n; i++) x[i * n + i] = 1;
    hadamard64_back(x, n, n); /* row c is now row c of H / sqrt(n) */
    for (int c = 0; c < n; c++)
      for (int r = 0; r < n; r++)
        cr_assert_eq(x[c * n + r], hadamard_entry(order, n, c, r) / sqrt(n),
                     "H of size %d, [%d, %d]: got %a", n, c, r, x[c * n + r]);
    free(x);
  }
}

/* What study/undone.h says of it. */
Test(undone, rotated_back_and_again_every_row_is_what_it_was) {
  static const int sizes[] = {8, 12, 28, 256, 768, 1536, 2560, 3584, 8192, 24576, 28672, 32768};
  double most = 0;
  for (int s = 0; s < (int)(sizeof sizes / sizeof *sizes); s++)
    for (int spread = 0; spread <= 600; spread += 150) {
      const int n = sizes[s];
      double *x = malloc((size_t)n * sizeof *x), *y = malloc((size_t)n * sizeof *y);
      double error = 0, size = 0;
      for (int i = 0; i < n; i++) {
        const unsigned h = (unsigned)i * 2654435761u;
        y[i] = x[i] = ldexp((double)(h % 20011) - 10005, (int)(h >> 8) % (spread + 1) - spread / 2);
      }
      hadamard64_back(y, 1, n);
      hadamard64(y, 1, n);
      for (int i = 0; i < n; i++) {
        error = hypot(error, y[i] - x[i]);
        size = hypot(size, x[i]);
      }
      most = fmax(most, error / size);
      free(x), free(y);
    }
  cr_expect_leq(most, 1.4e-15, "%.3g", most);
  cr_expect_geq(most, 1e-16, "no rounding at all: %.3g", most);
}

/* --- two dumps -------------------------------------------------------------------------------- */

enum { STREAM = 12, INNER = 24, VALUES = TOKENS * INNER };

typedef enum Kind { AS_IT_IS, ROTATED, ANOTHER_ROTATION } Kind;

typedef struct Side {
  Kind kind;
  double error; /* of one element of every tensor */
  bool ends;    /* an embedding */
} Side;

/* Row by row x H^T / sqrt(cols); of another rotation every second row of H is turned. */
static void rotate(double *x, int cols, Kind kind) {
  const int order = hadamard64_factor(cols);
  for (int t = 0; t < TOKENS; t++) {
    double row[INNER];
    for (int r = 0; r < cols; r++) {
      double sum = 0;
      for (int c = 0; c < cols; c++) sum += hadamard_entry(order, cols, r, c) * x[t * cols + c];
      row[r] = sum / sqrt(cols) * (kind == ANOTHER_ROTATION && r % 2 ? -1 : 1);
    }
    memcpy(x + t * cols, row, (size_t)cols * sizeof *row);
  }
}

static const struct {
  const char *name;
  int cols;
  bool rotates;
} tensors[] = {{"block_in", STREAM, true},   {"norm", STREAM, false},
               {"in_proj", INNER, false},    {"somebody", STREAM, false},
               {"out_proj_in", INNER, true}, {"block_out", STREAM, true}};
enum { NAMES = sizeof tensors / sizeof *tensors };

static void add_doubles(Arrays *all, const char *name, int cols, const double *value) {
  const char *dictionary = arena_printf(
      &test_arena, "{'descr': '<f8', 'fortran_order': False, 'shape': (%d, %d), }", TOKENS, cols);
  add_array(all, name, dictionary, value, sizeof *value * TOKENS * (size_t)cols);
}

/* Element 7 of every tensor is off by the side's error, before it is rotated. */
static void write_side(const char *file, Side side) {
  Arrays all = {.count = 0};
  for (int layer = 0; layer < LAYERS; layer++)
    for (int n = 0; n < NAMES; n++) {
      double value[VALUES];
      for (int i = 0; i < TOKENS * tensors[n].cols; i++) value[i] = value_at(layer, n, i);
      value[7] += side.error;
      if (tensors[n].rotates && side.kind != AS_IT_IS) rotate(value, tensors[n].cols, side.kind);
      add_doubles(&all, arena_printf(&test_arena, "layers.%d.%s", layer, tensors[n].name),
                  tensors[n].cols, value);
    }
  if (side.ends) {
    double value[VALUES];
    for (int i = 0; i < TOKENS * STREAM; i++) value[i] = value_at(9, 9, i);
    if (side.kind != AS_IT_IS) rotate(value, STREAM, side.kind);
    add_doubles(&all, "embedding", STREAM, value);
  }
  write_npz(file, &all);
}

#define TWO(a, b)                                                                                  \
  "title: t\nsources: {a: {dump: a.npz, rewrite: " a "}, b: {dump: b.npz, rewrite: " b "}}\n"      \
  "pairs: [[a, b]]\n"

static double planted(int layer, int n) {
  double size = 0;
  for (int i = 0; i < TOKENS * tensors[n].cols; i++)
    size += value_at(layer, n, i) * value_at(layer, n, i);
  return 0.125 / sqrt(size);
}

static bool has_row(const char *table, const char *tensor) {
  return shell("grep -q ',%s,' %s/out/tables/%s.csv", tensor, test_folder, table) == 0;
}

/* Whichever side is the rotated one, and whichever stands first. */
Test(undone, figures_of_rotated_tensors_are_those_of_the_tensors_before_the_rotation) {
  for (int second = 0; second < 2; second++) {
    write_side("a.npz", (Side){second ? AS_IT_IS : ROTATED, 0, true});
    write_side("b.npz", (Side){second ? ROTATED : AS_IT_IS, 0.125, true});
    if (second)
      SPEC(0, TWO("none", "quamba"));
    else
      SPEC(0, TWO("quamba", "none"));
    NOT_SAYS("NOT THE SAME");
    for (int layer = 0; layer < LAYERS; layer++)
      for (int n = 0; n < NAMES; n++) {
        const char *name = tensors[n].name;
        if (!strcmp(name, "norm") || !strcmp(name, "somebody")) continue;
        const double got = cell("pair_stats", name, layer, "rel_l2"), want = planted(layer, n);
        cr_expect(fabs(got - want) <= 1e-14, "%s of layer %d: %.17g, not %.17g", name, layer, got,
                  want);
        cr_expect_eq(cell("pair_stats", name, layer, "worst_index"), 7, "%s", name);
      }
    cr_expect(fabs(cell("pair_stats", "embedding", -1, "rel_l2")) < 1e-15);
    cr_expect(cell("undone", "out_proj_in", 1, "back") <= 1e-15);

    cr_expect(cell("undone", "block_in", 0, "other_l2") > 0.5);
    read_report();
    SAYS("Rotated back in float64: `block_in`, `out_proj_in`, `block_out` and `embedding`. Rotated "
         "again, each is what it was to ");
  }
}

Test(undone, what_nobody_undoes_is_not_compared_and_listed_with_the_reason) {
  write_side("a.npz", (Side){ROTATED, 0, true});
  write_side("b.npz", (Side){AS_IT_IS, 0.125, true});
  SPEC(0, TWO("quamba", "none"));
  cr_expect(!has_row("pair_stats", "norm") && !has_row("pair_stats", "somebody"));
  cr_expect(has_row("tensor_stats", "norm") && has_row("tensor_stats", "somebody"));
  read_report();
  SAYS("- a against b: not comparable, the gain of the norm stands in the weights behind it: "
       "`norm`.\n");
  SAYS("- a against b: not comparable, nobody says what a rewrite makes of it: `somebody`.\n");
}

Test(undone, equally_rewritten_sides_are_compared_as_they_stand) {
  write_side("a.npz", (Side){ROTATED, 0, true});
  write_side("b.npz", (Side){ROTATED, 0.125, true});
  SPEC(0, TWO("quamba", "quamba"));
  NOT_SAYS("NOT THE SAME");
  cr_expect(has_row("pair_stats", "norm") && has_row("pair_stats", "somebody"));
  cr_expect(!has_row("undone", "block_in"));
  cr_expect(fabs(cell("pair_stats", "block_out", 0, "rel_l2") - planted(0, 5)) <= 1e-14);
}

Test(undone, size_without_a_matrix_is_a_reason) {
  const double value[TOKENS * 10] = {1, 2, 3};
  Arrays all = {.count = 0};
  add_doubles(&all, "layers.0.block_out", 10, value);
  add_doubles(&all, "layers.0.conv1d", 10, value);
  write_npz("a.npz", &all);
  write_npz("b.npz", &all);
  SPEC(0, TWO("quamba", "none"));
  read_report();
  SAYS("not comparable, there is no Hadamard matrix of its size: `block_out`.");
  cr_expect(has_row("pair_stats", "conv1d") && !has_row("pair_stats", "block_out"));
}

/* --- what was said and is not so -------------------------------------------------------------- */

Test(undone, declarations_that_the_values_contradict_lead_and_fail) {
  write_side("a.npz", (Side){AS_IT_IS, 0, true});
  write_side("b.npz", (Side){AS_IT_IS, 0.125, true});
  SPEC(1, TWO("none", "quamba"));
  expect_first("NOT THE SAME BASIS: of a and b the weights of b are said to be rewritten, and yet "
               "layer 0, block_in differs by ");
  read_report();
  SAYS("> **Not the same basis.** Of prompt dump, of a and b the weights of b are said");
  SAYS("not comparable, what was said of the weights is contradicted by it: `block_in`, "
       "`out_proj_in`, `block_out` and `embedding`.");
  cr_expect(!has_row("pair_stats", "block_out") && has_row("pair_stats", "in_proj"));
  cr_expect(!has_row("drift", "block_out") && has_row("drift", "in_proj"));
  write_side("b.npz", (Side){ROTATED, 0.125, true});
  static const char *const alike[] = {TWO("none", "none"), TWO("quamba", "quamba")};
  for (int i = 0; i < 2; i++) {
    SPEC(1, alike[i]);
    expect_first("NOT THE SAME BASIS: a and b are said to have weights rewritten alike, and yet "
                 "layer 0, block_in differs by ");
    SAYS(" with that of b rotated back");
    cr_expect(!has_row("pair_stats", "block_out") && has_row("pair_stats", "in_proj"));
  }
}

/* Of all tensors only one was dumped in front of its rotation. */
Test(undone, one_tensor_may_contradict_what_all_others_prove) {
  write_side("a.npz", (Side){ROTATED, 0, true});
  Arrays all = {.count = 0};
  for (int layer = 0; layer < LAYERS; layer++) {
    double stream[VALUES], inner[VALUES];
    for (int i = 0; i < TOKENS * STREAM; i++) stream[i] = value_at(layer, 5, i);
    for (int i = 0; i < TOKENS * INNER; i++) inner[i] = value_at(layer, 4, i);
    rotate(inner, INNER, ROTATED);
    add_doubles(&all, arena_printf(&test_arena, "layers.%d.block_out", layer), STREAM, stream);
    add_doubles(&all, arena_printf(&test_arena, "layers.%d.out_proj_in", layer), INNER, inner);
  }
  write_npz("b.npz", &all);
  SPEC(1, TWO("quamba", "none"));
  expect_first("NOT THE SAME BASIS: ");
  SAYS("layer 0, out_proj_in differs by ");
  cr_expect(has_row("pair_stats", "block_out") && !has_row("pair_stats", "out_proj_in"));
}

Test(undone, rotation_by_another_matrix_is_not_proved_and_so_not_compared) {
  write_side("a.npz", (Side){ANOTHER_ROTATION, 0, true});
  write_side("b.npz", (Side){AS_IT_IS, 0, true});
  SPEC(1, TWO("quamba", "none"));
  expect_first("NOT THE SAME QUESTION: a and b were not given the same input: ");
  cr_expect(!has_row("pair_stats", "block_out") && has_row("pair_stats", "in_proj"));
  read_report();
  SAYS("not comparable, rotated back it is no nearer to the other side than as it stands: another "
       "rotation, or another input: `block_in`, `out_proj_in`, `block_out` and `embedding`.");
}

/* --- values ----------------------------------------------------------------------------------- */

/* Both are what they are in their files; only the pair is in another basis. */
Test(undone, int8_grid_of_a_rotated_tensor_is_that_of_the_dump) {
  Arrays a = {.count = 0}, b = {.count = 0};
  int8_t level[TOKENS * STREAM];
  double plain[TOKENS * STREAM];
  for (int i = 0; i < TOKENS * STREAM; i++) {
    level[i] = (int8_t)(127 - i * 53 % 255);
    plain[i] = 0;
  }
  for (int t = 0; t < TOKENS; t++) /* x = H^T y / sqrt(n) */
    for (int c = 0; c < STREAM; c++)
      for (int r = 0; r < STREAM; r++)
        plain[t * STREAM + c] +=
            hadamard_entry(12, STREAM, r, c) * level[t * STREAM + r] * 0.03125 / sqrt(STREAM);
  const float scale = 0.03125f;
  add_array(&a, "layers.0.block_out", NPY("|i1", "False", "(5, 12)"), level, sizeof level);
  add_array(&a, "layers.0.block_out.scale", NPY("<f4", "False", "(1,)"), &scale, sizeof scale);
  add_doubles(&b, "layers.0.block_out", STREAM, plain);
  write_npz("a.npz", &a);
  write_npz("b.npz", &b);
  SPEC(0, TWO("quamba", "none"));
  cr_expect(cell("pair_stats", "block_out", 0, "rel_l2") < 1e-15);
  cr_expect_eq(cell("source_values", "block_out", 0, "grid_scale"), 0.03125);
  cr_expect_eq(cell("tensor_stats", "block_out", 0, "on_grid"), 1);
  cr_expect_eq(cell("tensor_stats", "block_out", 0, "max"), 127 * 0.03125);
}

/* A rotation takes a NaN to every channel of its token, and to no other. */
Test(undone, nan_costs_its_token_alone) {
  double value[TOKENS * STREAM], rotated[TOKENS * STREAM];
  Arrays a = {.count = 0}, b = {.count = 0};
  for (int i = 0; i < TOKENS * STREAM; i++) rotated[i] = value[i] = value_at(0, 0, i);
  rotate(rotated, STREAM, ROTATED);
  rotated[2 * STREAM + 3] = NAN;
  add_doubles(&a, "layers.0.block_out", STREAM, rotated);
  add_doubles(&b, "layers.0.block_out", STREAM, value);
  write_npz("a.npz", &a);
  write_npz("b.npz", &b);
  SPEC(0, TWO("quamba", "none"));
  cr_expect_eq(cell("pair_stats", "block_out", 0, "nonfinite"), STREAM);
  cr_expect(cell("pair_stats", "block_out", 0, "rel_l2") < 1e-15);
  cr_expect_eq(cell("tensor_stats", "block_out", 0, "nonfinite"), 1);
}

/* --- against modes ---------------------------------------------------------------------------- */

#define OURS(rewrite, rest)                                                                        \
  "title: ours\nmodel: model\nbackend: cpu\nrewrite: " rewrite                                     \
  "\nevents: {repair: 0}\nprompts: [{name: p, tokens: p.txt}, {name: q, tokens: q.txt}]\n" rest

/* The reference in float64 is the same model either way, to its rounding; so it is undone where the
 * run is rewritten, and where the dump is. */
Test(undone, rewritten_run_and_plain_one_are_one_reference, .timeout = 60) {
  static const char *const rewrite[] = {"quamba", "none"};
  small_model(2);
  write_spec("p.txt", "17 3 200 5 41");
  write_spec("q.txt", "4 0 9 9 1 255 7");
  for (int run = 0; run < 2; run++) {
    write_spec("then.yaml", run ? OURS("none", "pairs: [[fp64, fp32]]\n")
                                : OURS("quamba", "pairs: [[fp64, fp32]]\n"));
    RUN(0, "run %s/then.yaml -q --fresh -o %s/then", test_folder, test_folder);
    SPEC(0, arena_printf(&test_arena, "%s%s%s%s", run ? OURS("quamba", "") : OURS("none", ""),
                         "pairs: [[fp64, then], [fp32, then]]\nthree_way: {pair: [fp32, then32], "
                         "against: then}\nsources:\n"
                         "  then: {dump: then/results.h5, names: \"driftscope:fp64\", rewrite: ",
                         rewrite[run],
                         arena_printf(&test_arena,
                                      "}\n  then32: {dump: then/results.h5, names: "
                                      "\"driftscope:fp32\", rewrite: %s}\n",
                                      rewrite[run])));
    cr_assert_eq(
        shell("awk -F, 'NR == 1 {for (i = 1; i <= NF; i++) at[$i] = i; next} $at[\"base\"] == "
              "\"fp64\" && $at[\"other\"] == \"then\" {n++; if (!($at[\"rel_l2\"] < 1e-12)) print} "
              "END {print n}' %s/out/tables/pair_stats.csv",
              test_folder),
        0);
    cr_expect_eq(atoi(shell_output), 2 * (2 * 15 + 2), "%s", shell_output);
    cr_expect(has_row("three_way", "block_out") && !has_row("three_way", "norm"));
  }
}
