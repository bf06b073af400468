/* summary: the lines of a pair for the terminal: effect, first difference, growth and size at the
 * end, and what it costs in bits where that was evaluated. Plain text: no Markdown, and names of a
 * foreign file without their control characters. */
#include <math.h>

#include "report/bits.h"
#include "report/language.h"
#include "report/markdown.h"
#include "report/report.h"
#include "report/shapes.h"
#include "report/sources.h"
#include "report/words.h"

static const char *summary_effect(Language l, Arena *arena, const ReportPair *pair, Tally tally) {
  int other_kernel = tally.rows - tally.same_kernel, other_bits = tally.rows - tally.identical;
  bool exact;
  const char *reason = words_reason_brief(l, pair, &exact);
  switch (words_effect_of(pair, tally)) {
    case EFFECT_UNKNOWN: return say(l, "nothing was compared");
    case EFFECT_NONE:
      return arena_printf(arena,
                          say(l, "did NOT take effect: both sides ran the same kernels everywhere, "
                                 "all %d tensors identical"),
                          tally.rows);
    case EFFECT_IDENTICAL:
      return arena_printf(arena,
                          say(l, "both modes took effect (%d of %d tensors from different "
                                 "kernels), every bit identical%s%s"),
                          other_kernel, tally.rows, *reason ? say(l, ": ") : "", reason);
    case EFFECT_FAULT:
      return arena_printf(
          arena,
          say(l, "FAULT: both sides ran the same kernels everywhere, yet %d of %d tensors differ"),
          other_bits, tally.rows);
    case EFFECT_DIFFERS:
      return arena_printf(arena, say(l, "%s: %d of %d tensors from different kernels, %d differ"),
                          exact ? say(l, "FAULT, they must agree in every bit")
                                : say(l, "both modes took effect"),
                          other_kernel, tally.rows, other_bits);
    case EFFECT_MADE_IDENTICAL:
      if (tally.rows == 1)
        return say(l, "IDENTICAL: the one tensor is the same in every bit; if these should be two "
                      "computations, one did not take effect");
      return arena_printf(arena,
                          say(l, "IDENTICAL: all %d tensors are the same in every bit; if these "
                                 "should be two computations, one did not take effect"),
                          tally.rows);
    case EFFECT_MADE_DIFFERS:
      if (tally.rows == 1) return say(l, "the one tensor differs");
      return arena_printf(arena, say(l, "%d of %d tensors differ"), other_bits, tally.rows);
    default:
      if (tally.rows == 1)
        return tally.identical ? say(l, "the one tensor equals the float64 reference in every bit")
                               : say(l, "the one tensor differs from the float64 reference");
      return arena_printf(arena,
                          say(l, "%d of %d tensors equal the float64 reference in every bit"),
                          tally.identical, tally.rows);
  }
}

static const char *summary_size(Language l, Arena *arena, const Size *size) {
  return size->identical
             ? arena_printf(arena, say(l, "identical%s"), finite_identical(l, arena, size))
             : arena_printf(arena, say(l, "relative L2 %s"), finite_size(l, arena, size));
}

static const char *summary_top1(Language l, Arena *arena, const Verdict *v) {
  if (v->top1_left_out > 0 && v->top1_rows == 0)
    return say(l, ", at no position finite on both sides");
  if (isnan(v->top1_agreement)) return "";
  if (words_counted(v))
    return arena_printf(arena, say(l, ", same top token at %s"), words_positions(l, arena, v));
  const char *share = md_share(arena, v->top1_agreement);
  return v->top1_left_out > 0
             ? arena_printf(arena,
                            say(l, ", same top token at %s of the %lld positions finite on both "
                                   "sides (of %lld)"),
                            share, (long long)v->top1_rows,
                            (long long)(v->top1_rows + v->top1_left_out))
             : arena_printf(arena, say(l, ", same top token at %s of positions"), share);
}

static const char *summary_end(Arena *arena, const ReportData *d, const ReportPair *pair) {
  Size last = words_last(d, pair), end = words_logits(d, pair);
  const DriftShape *shape = data_shape(d, pair, data_role(d, ROLE_BLOCK_OUT));
  const char *stream = words_plain(arena, data_role(d, ROLE_BLOCK_OUT));
  const char *travel = shape ? arena_printf(arena, say(d->language, "%s: %s"), stream,
                                            shapes_travel(d->language, arena, shape))
                             : arena_printf(arena, say(d->language, "last %s %s"), stream,
                                            summary_size(d->language, arena, &last));
  if (!words_has_logits(d, pair)) return travel;
  return arena_printf(arena, say(d->language, "%s; logits %s%s"), travel,
                      summary_size(d->language, arena, &end),
                      summary_top1(d->language, arena, pair->verdict));
}

static const char *summary_tensors(Arena *arena, const ReportData *d, const ReportPair *pair) {
  const Verdict *v = pair->verdict;
  const char *name = arena_printf(arena, say(d->language, "%s against %s"),
                                  words_plain(arena, v->base), words_plain(arena, v->other));
  const char *effect = summary_effect(d->language, arena, pair, data_tally(d, pair, NULL));
  const char *left = sources_left(arena, d, pair, words_plain);
  if (*left) effect = arena_printf(arena, say(d->language, "%s; not compared: %s"), effect, left);
  if (v->tensors == 0)
    return arena_printf(
        arena, say(d->language, "%s: %s\n%s: no first difference\n%s: no size at the end\n"), name,
        effect, name, name);
  if (v->first_layer == -2 && pair->made_elsewhere)
    return arena_printf(arena, say(d->language, "%s: %s\n"), name, effect);
  if (v->first_layer == -2)
    return arena_printf(arena,
                        say(d->language, "%s: %s\n%s: no tensor differs in any bit\n%s: block_out "
                                         "of layer %d and the logits are identical%s\n"),
                        name, effect, name, name, d->layers - 1,
                        v->nonfinite ? say(d->language, ", with values that are not finite") : "");
  Size first = words_first_size(d, pair);
  return arena_printf(
      arena,
      say(d->language, "%s: %s\n%s: first differs at %s, relative L2 %s (prompt %s)\n%s: %s\n"),
      name, effect, name, words_place_plain(arena, d, v->first_tensor, v->first_layer),
      finite_size(d->language, arena, &first), words_plain(arena, v->first_prompt), name,
      summary_end(arena, d, pair));
}

const char *report_summary(Arena *arena, const ReportData *d, const ReportPair *pair) {
  const Verdict *v = pair->verdict;
  const char *bits = bits_plain(arena, d, pair);
  return arena_printf(
      arena, "%s%s", summary_tensors(arena, d, pair),
      *bits ? arena_printf(arena, say(d->language, "%s: %s\n"),
                           arena_printf(arena, say(d->language, "%s against %s"),
                                        words_plain(arena, v->base), words_plain(arena, v->other)),
                           bits)
            : "");
}
