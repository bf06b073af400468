/* spec_text: a spec from its text; the least text, and one that says all that can be said. */
#ifndef DS_TESTS_SPEC_TEXT_H
#define DS_TESTS_SPEC_TEXT_H
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "spec/spec.h"

static inline void no_memory(size_t wanted, size_t reserved) {
  cr_assert_fail("arena: %zu wanted of %zu", wanted, reserved);
  abort();
}

static inline Arena new_arena(void) {
  Arena arena;
  Status st = {0};
  cr_assert(arena_reserve(&arena, (size_t)1 << 28, no_memory, &st), "%s", st.text);
  return arena;
}

static inline Spec parse(Arena *arena, const char *text) {
  Spec spec;
  Status st = {0};
  memset(&spec, 0xA5, sizeof spec);
  cr_assert(spec_parse(arena, "folder/spec.yaml", text, strlen(text), &spec, &st), "%s\n%s",
            st.text, text);
  return spec;
}

#define LEAST "title: t\nmodel: m\nprompts: [{name: p, string: s}]\npairs: [[1, fp32]]\n"

#define FULL                                                                                       \
  "# everything that can be said\n"                                                                \
  "title: 'Own modes'\nquestion: >-\n  Does it\n  matter?\nmodel: data/m\nrewrite: none\n"         \
  "calibration: {text: v.txt, windows: 4096, length: 1048576, alpha: 0.5}\n"                       \
  "prompts:\n  - {name: a, text: t.txt, offset: 9223372036854775807, length: 1}\n  - name: b-2\n " \
  "   text: u.txt\n"                                                                               \
  "  - {name: c, tokens: ids.npy}\n  - {name: 7, string: \"x\\ty\"}\n"                             \
  "modes:\n  late: {base: 2-4, scan_order: blocked}\n  mine: {base: fp32, conv_out: f32_grid, "    \
  "gated: f16, state: "                                                                            \
  "bf16}\n"                                                                                        \
  "  unused: {base: 3}\n"                                                                          \
  "pairs: [[mine, fp32], [fp64, late], [late, mine], [mine, late]]\ncompare_all: [late, 0]\n"      \
  "budget: [late]\n"                                                                               \
  "swaps: {pair: [late, mine]}\n"                                                                  \
  "restore: [{mode: late, to: mine, limit: 1e-3, of: median_token, by: stage, most: 999}, {mode: " \
  "0, limit: 0.5}]\n"                                                                              \
  "events: {share: 0.5, repair: 0}\n"                                                              \
  "repair: {mode: mine, prompt: b-2, layer: 23, tensor: gated, token: 2, channel: 511}\n"          \
  "mend: [late, 0]\n"                                                                              \
  "grid: {alpha: [0.5, 0.99995, 1], modes: [unused, late], length: [1048576, 1]}\n"                \
  "drift: {flat: 1.5, agreement: 1}\n"                                                             \
  "keep: {tensors: [conv1d, logits], layers: [23, 0], f16_as: f16}\n"                              \
  "micro:\n  - {operator: scan, inputs: [captured, ties], layers: [0, 5], shapes: [171x512x16, "   \
  "1x2], modes: "                                                                                  \
  "[unused]}\n"                                                                                    \
  "  - {operator: exp, inputs: [denormal]}\n"                                                      \
  "evaluation: {text: e.txt, windows: 4096, length: 1, modes: [unused, 1]}\n"                      \
  "cost: {lengths: [1048576, 1], repeats: 1000, modes: [2-3]}\n"                                   \
  "backend: cuda\nthreads: 1024\nmemory: 1.5 GiB\nseed: 9223372036854775807\n"                     \
  "statistics: gsl\ndurability: power\n"
#endif
