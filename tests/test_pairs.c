/* pairs: what the tokens of the stream carry of a pair's difference, as every layer keeps it: the
 * sums of row_error. */
#include "study/pairs.h"

#include "family/mamba1.h"
#include "tests/measure_rows.h"

enum { WIDTH = 37, PAIRS = 2, SIDES = 3 };

/* Three sides of a layer of which block_out alone is shown. */
typedef struct Layer {
  Arena arena;
  Pairs pairs;
  WalkPlace at;
  Trace trace[SIDES];
} Layer;

static void fill(Tensor *t, float from) {
  float *x = t->data;
  for (int i = 0; i < t->rows * t->stride; i++)
    x[i] = from + (float)(i % 13) * 0.125f + (float)(i % 7) * from;
}

static Layer layer_of(int tokens) {
  static const char *const names[SIDES] = {"fp64", "a", "b"};
  static PromptShape shape = {.name = "p"};
  Layer l = {.arena = new_arena(), .at = {.layer = 1, .shape = &shape, .sides = SIDES}};
  Subject *subject = ARENA_NEW(&l.arena, Subject, 1);
  subject->model.config.family = &family_mamba1;
  subject->model.layers = 2;
  Spec *spec = ARENA_NEW(&l.arena, Spec, 1);
  spec->prompt_count = 1;
  subject->model.layer = ARENA_NEW(&l.arena, ModelLayer, 2);
  SidePair *pair = ARENA_NEW(&l.arena, SidePair, PAIRS);
  pair[0] = (SidePair){0, 2};
  pair[1] = (SidePair){1, 2};
  WalkSide *side = ARENA_NEW(&l.arena, WalkSide, SIDES);
  for (int s = 0; s < SIDES; s++) {
    side[s].name = names[s];
    l.trace[s].family = &family_mamba1;
    l.trace[s].t[T_BLOCK_OUT] =
        tensor_of(ARENA_NEW(&l.arena, float, tokens *(WIDTH + 2)), FORMAT_F32, tokens, WIDTH, 0);
    l.trace[s].t[T_BLOCK_OUT].stride = WIDTH + 2;
    fill(&l.trace[s].t[T_BLOCK_OUT], 1 + (float)s * 0.01f);
  }
  l.pairs = (Pairs){.spec = spec,
                    .subject = subject,
                    .side = side,
                    .sides = SIDES,
                    .walked = SIDES,
                    .pair = pair,
                    .pairs = PAIRS};
  return l;
}

static LayerRows rows_of(Layer *l) {
  LayerRows rows;
  Status st = {0};
  memset(&rows, 0xa5, sizeof rows);
  cr_assert(pairs_measure(&l->pairs, &l->at, l->trace, &rows, &l->arena, &st), "%s", st.text);
  return rows;
}

Test(pairs, every_token_of_the_stream_has_the_squares_of_its_row) {
  static const int length[] = {1, 15, 16, 17, 48, 171};
  for (size_t k = 0; k < sizeof length / sizeof *length; k++) {
    const int T = length[k], a_pair = (T + TOKENS_A_ROW - 1) / TOKENS_A_ROW;
    Layer l = layer_of(T);
    LayerRows rows = rows_of(&l);
    cr_assert_eq(rows.tokens, PAIRS * a_pair, "%d rows of %d tokens", rows.tokens, T);
    const PartSquares want = part_squares(&l.arena, (size_t)T);
    for (int i = 0; i < rows.tokens; i++) {
      const TokenErrors *row = &rows.token[i];
      const SidePair *pair = &l.pairs.pair[i / a_pair];
      if (i % a_pair == 0)
        row_squares(&l.trace[pair->base].t[T_BLOCK_OUT], &l.trace[pair->other].t[T_BLOCK_OUT],
                    want);
      cr_expect_str_eq(row->prompt, "p");
      cr_expect_str_eq(row->base, l.pairs.side[pair->base].name);
      cr_expect_str_eq(row->other, l.pairs.side[pair->other].name);
      cr_expect_eq(row->layer, 1);
      cr_expect_eq(row->first, i % a_pair * TOKENS_A_ROW);
      for (int t = 0; t < TOKENS_A_ROW; t++) {
        const int token = row->first + t;
        SAME(row->error2[t], token < T ? want.error2[token] : NAN);
        SAME(row->base2[t], token < T ? want.base2[token] : NAN);
        cr_expect(token >= T || want.error2[token] > 0);
      }
    }
    arena_release(&l.arena);
  }
}

Test(pairs, a_token_that_is_not_finite_shows_it) {
  Layer l = layer_of(20);
  float *x = l.trace[2].t[T_BLOCK_OUT].data;
  x[3 * (WIDTH + 2) + 5] = NAN;
  x[17 * (WIDTH + 2)] = INFINITY;
  LayerRows rows = rows_of(&l);
  cr_assert_eq(rows.tokens, 2 * PAIRS);
  SAME(rows.token[0].error2[3], NAN);
  SAME(rows.token[1].error2[1], INFINITY);
  cr_expect(isfinite(rows.token[0].error2[2]) && isfinite(rows.token[0].base2[3]));
  cr_expect_eq(rows.pair[0].token.left_out, 2);
  arena_release(&l.arena);
}
