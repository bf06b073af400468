/* words: what a pair's counts and sizes say, one sentence a question. */
#include "report/words.h"

#include <math.h>
#include <string.h>

#include "base/name.h"
#include "report/language.h"
#include "report/markdown.h"

Effect words_effect_of(const ReportPair *pair, Tally tally) {
  if (tally.rows == 0) return EFFECT_UNKNOWN;
  if (data_is_reference(pair->base) || data_is_reference(pair->other)) return EFFECT_REFERENCE;
  if (pair->made_elsewhere)
    return tally.identical == tally.rows ? EFFECT_MADE_IDENTICAL : EFFECT_MADE_DIFFERS;
  bool identical = tally.identical == tally.rows, same = tally.same_kernel == tally.rows;
  return identical ? same ? EFFECT_NONE : EFFECT_IDENTICAL : same ? EFFECT_FAULT : EFFECT_DIFFERS;
}

static Size size_of(const Drift *row) {
  return row ? (Size){row->rel_l2, row->identical != 0, row->n, row->nonfinite}
             : (Size){NAN, true, 0, 0};
}

Size words_size(const ReportData *d, const ReportPair *pair, const char *tensor, int layer) {
  return size_of(data_drift(d, pair, tensor, layer));
}

/* The verdict's size: it is there also where the file has no drift. */
static Size end_of(const ReportData *d, const ReportPair *pair, Role role, int layer,
                   double rel_l2) {
  const Drift *row = data_drift(d, pair, data_role(d, role), layer);
  return row ? (Size){rel_l2, row->identical != 0, row->n, row->nonfinite}
             : (Size){rel_l2, rel_l2 == 0, 0, 0};
}

Size words_last(const ReportData *d, const ReportPair *pair) {
  return end_of(d, pair, ROLE_BLOCK_OUT, d->layers - 1,
                pair->verdict ? pair->verdict->block_out_last : NAN);
}

bool words_has_logits(const ReportData *d, const ReportPair *pair) {
  return !pair->made_elsewhere || data_drift(d, pair, data_role(d, ROLE_LOGITS), d->layers);
}

Size words_logits(const ReportData *d, const ReportPair *pair) {
  return end_of(d, pair, ROLE_LOGITS, d->layers,
                pair->verdict ? pair->verdict->logits_rel_l2 : NAN);
}

Course words_course(const ReportData *d, const ReportPair *pair, Arena scratch) {
  Course course = {
      .differs = -1, .nonfinite = -1, .first = -1, .last = d->layers - 1, .worst_layer = -1};
  double *l2 = ARENA_NEW(&scratch, double, d->layers + 1);
  for (int layer = 0; layer < d->layers; layer++) {
    Size size = words_size(d, pair, data_role(d, ROLE_BLOCK_OUT), layer);
    l2[layer] = size.rel_l2;
    if (course.differs < 0 && !size.identical) course.differs = layer;
    if (course.nonfinite < 0 && !finite_whole(&size)) course.nonfinite = layer;
    if (course.first < 0 && l2[layer] > 0) course.first = layer;
    if (finite_whole(&size) && l2[layer] > course.worst_l2)
      course.worst_layer = layer, course.worst_l2 = l2[layer];
  }
  if (course.first < 0) return course;
  course.first_l2 = l2[course.first];
  course.last_l2 = l2[course.last];
  return course;
}

const char *words_plain(Arena *arena, const char *text) {
  char *copy = arena_printf(arena, "%s", text);
  text_make_plain(copy, "");
  return copy;
}

static const char *side(Language l, Arena *arena, const char *mode) {
  return data_is_reference(mode) ? say(l, "the float64 reference") : md_text(arena, mode);
}

const char *words_pair(Language l, Arena *arena, const ReportPair *pair) {
  if (data_is_reference(pair->base))
    return arena_printf(arena, say(l, "%s against the float64 reference"),
                        md_text(arena, pair->other));
  return arena_printf(arena, say(l, "%s against %s"), md_text(arena, pair->base),
                      side(l, arena, pair->other));
}

/* The tensors of the model's ends stand once, so they need no layer. */
static bool has_layer(const ReportData *d, const char *tensor) {
  return tensors_find(&d->traced, tensor) < d->traced.layer;
}

const char *words_place(Arena *arena, const ReportData *d, const char *tensor, int layer) {
  const char *name = md_code(arena, tensor);
  return has_layer(d, tensor) ? arena_printf(arena, say(d->language, "%s of layer %d"), name, layer)
                              : name;
}

const char *words_place_plain(Arena *arena, const ReportData *d, const char *tensor, int layer) {
  const char *name = words_plain(arena, tensor);
  return has_layer(d, tensor) ? arena_printf(arena, say(d->language, "layer %d, %s"), layer, name)
                              : name;
}

const char *words_list(Language l, Arena *arena, const char *const *names, int count) {
  const char *list = "";
  for (int i = 0; i < count; i++)
    list =
        arena_printf(arena, "%s%s%s", list, i == 0 ? "" : say(l, i == count - 1 ? " and " : ", "),
                     md_code(arena, names[i]));
  return list;
}

const char *words_effect(Arena *arena, const ReportData *d, const ReportPair *pair) {
  Tally tally = data_tally(d, pair, NULL);
  int other_kernel = tally.rows - tally.same_kernel, other_bits = tally.rows - tally.identical;
  const char *base = side(d->language, arena, pair->base),
             *other = side(d->language, arena, pair->other);
  switch (words_effect_of(pair, tally)) {
    case EFFECT_UNKNOWN:
      return say(d->language, "The results file holds no comparison of these two.");
    case EFFECT_NONE:
      return arena_printf(
          arena,
          say(d->language, "**The difference between %s and %s did NOT take effect:** both sides "
                           "ran the same kernels everywhere, and all %s compared are identical in "
                           "every bit. This comparison says nothing about the two modes."),
          base, other, md_count(d->language, arena, tally.rows, "tensor"));
    case EFFECT_IDENTICAL:
      return arena_printf(arena,
                          say(d->language,
                              "Both modes took effect (%d of %s compared came from different "
                              "kernels), and **every tensor is identical in every bit**."),
                          other_kernel, md_count(d->language, arena, tally.rows, "tensor"));
    case EFFECT_FAULT:
      return arena_printf(
          arena,
          say(d->language, "**Fault:** both sides ran the same kernels everywhere, and yet %d of "
                           "%s compared differ. Equal kernels on equal inputs give equal bits, so "
                           "this difference is not one of the modes: do not use this comparison."),
          other_bits, md_count(d->language, arena, tally.rows, "tensor"));
    case EFFECT_DIFFERS:
      return arena_printf(
          arena,
          say(d->language, other_bits == 1
                               ? "Both modes took effect: of %s compared, %d came from "
                                 "different kernels and %d differs in at least one bit."
                               : "Both modes took effect: of %s compared, %d came from "
                                 "different kernels and %d differ in at least one bit."),
          md_count(d->language, arena, tally.rows, "tensor"), other_kernel, other_bits);
    case EFFECT_MADE_IDENTICAL:
      if (tally.rows == 1)
        return arena_printf(arena,
                            say(d->language,
                                "**Identical:** the one tensor compared is the same in every bit. "
                                "If %s and %s should be two computations, one of them did not take "
                                "effect."),
                            base, other);
      return arena_printf(arena,
                          say(d->language, "**Identical:** all %s compared are the same in every "
                                           "bit. If %s and %s should be two computations, one of "
                                           "them did not take effect."),
                          md_count(d->language, arena, tally.rows, "tensor"), base, other);
    case EFFECT_MADE_DIFFERS:
      return arena_printf(arena,
                          say(d->language, other_bits == 1
                                               ? "Of %s compared, %d differs in at least one bit."
                                               : "Of %s compared, %d differ in at least one bit."),
                          md_count(d->language, arena, tally.rows, "tensor"), other_bits);
    default:
      return arena_printf(
          arena,
          say(d->language,
              tally.identical == 1
                  ? "Of %s compared with the float64 reference, %d equals it in every float32 bit."
                  : "Of %s compared with the float64 reference, %d equal it in every float32 bit."),
          md_count(d->language, arena, tally.rows, "tensor"), tally.identical);
  }
}

typedef struct Reason {
  const char *key, *sentence, *brief;
  bool exact; /* every bit must be equal */
} Reason;

static const char contradiction[] =
    WORD("**Fault:** by their settings these two modes must agree in every bit, and here they do "
         "not. That is a fault of the program or of the machine, not a finding.");

static const Reason reasons[] = {
    {"grid_identity",
     WORD("The equality is exact for every input, not chance: where one mode keeps int8 values q, "
          "the other keeps the float32 numbers q · s, and whatever takes them requantises at the "
          "same scale s, which returns q itself."),
     WORD("requantising values that lie on the grid returns them"), true},
    {"dequantised_first",
     WORD("The equality is exact for every input, not chance: the scan dequantises an int8 input "
          "before any arithmetic, so int8 values q at scale s and the float32 numbers q · s enter "
          "the same operations as the same numbers."),
     WORD("the scan dequantises before any arithmetic"), true},
    {"ties_only",
     WORD("Each mode rounds the output of the convolution once onto the same grid, one with halves "
          "away from zero and the other with halves to even: beyond the rounding the two can "
          "differ only where a value lies exactly half-way between two steps."),
     WORD("beyond the requantisation only exact rounding ties could differ"), false},
};

static const Reason *reason_of(const Verdict *verdict) {
  for (size_t i = 0; verdict && i < sizeof reasons / sizeof *reasons; i++)
    if (!strcmp(reasons[i].key, verdict->reason)) return &reasons[i];
  return NULL;
}

const char *words_reason_brief(Language l, const ReportPair *pair, bool *exact) {
  const Reason *reason = reason_of(pair->verdict);
  *exact = reason && reason->exact;
  return reason ? say(l, reason->brief) : "";
}

const char *words_reason(const ReportData *d, const ReportPair *pair) {
  const Reason *reason = reason_of(pair->verdict);
  return !reason ? ""
                 : say(d->language, reason->exact && !data_identical(d, pair) ? contradiction
                                                                              : reason->sentence);
}

/* The size of the first tensor that differs, in the prompt where it does. */
Size words_first_size(const ReportData *d, const ReportPair *pair) {
  const Verdict *v = pair->verdict;
  const PairStats *row = data_pair(d, pair, v->first_prompt, v->first_tensor, v->first_layer);
  return row ? (Size){v->first_rel_l2, false, row->n, row->nonfinite}
             : (Size){v->first_rel_l2, false, 0, 0};
}

static bool plain_size(const Size *size) { return finite_whole(size) && size->rel_l2 > 0; }

const char *words_first(Arena *arena, const ReportData *d, const ReportPair *pair) {
  const Verdict *v = pair->verdict;
  if (!v) return "";
  if (v->first_layer == -2) return say(d->language, "No tensor differs in any bit.");
  Size size = words_first_size(d, pair);
  if (pair->made_elsewhere && !d->modes)
    return arena_printf(arena,
                        say(d->language, "The first tensor that differs, in the order of the dump, "
                                         "is %s (prompt %s); its relative L2 is %s."),
                        words_place(arena, d, v->first_tensor, v->first_layer),
                        md_text(arena, v->first_prompt), finite_size(d->language, arena, &size));
  return arena_printf(
      arena,
      plain_size(&size)
          ? say(d->language,
                "The first tensor that differs is %s (prompt %s), by a relative L2 of %s.")
          : say(d->language,
                "The first tensor that differs is %s (prompt %s); its relative L2 is %s."),
      words_place(arena, d, v->first_tensor, v->first_layer), md_text(arena, v->first_prompt),
      finite_size(d->language, arena, &size));
}

/* --- next tokens ------------------------------------------------------------------------------ */

bool words_counted(const Verdict *v) {
  enum { FEW = 3 };
  return v->top1_left_out == 0 && v->top1_rows > 0 && v->top1_rows <= FEW &&
         !isnan(v->top1_agreement);
}

const char *words_positions(Language l, Arena *arena, const Verdict *v) {
  const long long rows = v->top1_rows, same = llround(v->top1_agreement * (double)rows);
  if (rows > 1) return arena_printf(arena, say(l, "%lld of %lld positions"), same, rows);
  return same ? say(l, "the one position") : say(l, "0 of 1 position");
}

const char *words_same_tokens(Language l, Arena *arena, const Verdict *v, bool exact) {
  if (!words_counted(v))
    return exact ? md_percent(arena, v->top1_agreement) : md_share(arena, v->top1_agreement);
  return arena_printf(arena, say(l, "%lld of %lld"),
                      llround(v->top1_agreement * (double)v->top1_rows), (long long)v->top1_rows);
}

static const char *words_top1(Language l, Arena *arena, const Verdict *v) {
  if (v->top1_left_out > 0 && v->top1_rows == 0)
    return say(l,
               "; at no position are the logits of both finite, so next tokens are not compared");
  if (isnan(v->top1_agreement)) return "";
  if (words_counted(v))
    return arena_printf(arena, say(l, "; both choose the same next token at %s"),
                        words_positions(l, arena, v));
  const char *share = md_interval(l, arena, md_share, v->top1_agreement, v->top1_low, v->top1_high);
  if (v->top1_left_out > 0)
    return arena_printf(arena,
                        say(l, "; both choose the same next token at %s of the %lld positions "
                               "where the logits of both are finite (of %lld)"),
                        share, (long long)v->top1_rows,
                        (long long)(v->top1_rows + v->top1_left_out));
  return arena_printf(arena, say(l, "; both choose the same next token at %s of the positions"),
                      share);
}

const char *words_logits_end(Arena *arena, const ReportData *d, const ReportPair *pair) {
  const Verdict *v = pair->verdict;
  if (!v || v->first_layer == -2 || !words_has_logits(d, pair)) return "";
  Size end = words_logits(d, pair);
  const Drift *row = data_drift(d, pair, data_role(d, ROLE_LOGITS), d->layers);
  const bool whole = row && !end.identical && finite_whole(&end);
  const char *size =
      end.identical ? arena_printf(arena, say(d->language, "the logits are identical%s"),
                                   finite_identical(d->language, arena, &end))
                    : arena_printf(arena, say(d->language, "the relative L2 of the logits is %s"),
                                   finite_size(d->language, arena, &end));
  if (whole && !isnan(row->rel_l2_low))
    size = arena_printf(arena, say(d->language, "%s (%s … %s)"), size,
                        md_error(arena, row->rel_l2_low), md_error(arena, row->rel_l2_high));
  else if (whole && !isnan(row->rel_l2_mean_low))
    size = arena_printf(arena, say(d->language, "%s (mean of the prompts %s, %s … %s)"), size,
                        md_error(arena, row->rel_l2_mean), md_error(arena, row->rel_l2_mean_low),
                        md_error(arena, row->rel_l2_mean_high));
  return arena_printf(arena, "%s%s", size, words_top1(d->language, arena, v));
}

const char *words_end(Arena *arena, const ReportData *d, const ReportPair *pair) {
  const Verdict *v = pair->verdict;
  if (!v || (v->first_layer == -2)) return "";
  Size last = words_last(d, pair), end = words_logits(d, pair);
  if (words_has_logits(d, pair) && last.identical && end.identical && finite_whole(&last) &&
      finite_whole(&end))
    return say(d->language, "The difference does not reach the end: the last `block_out` and the "
                            "logits are identical.");
  const char *block_out =
      last.identical
          ? arena_printf(arena,
                         say(d->language, "`block_out` of the last layer (%d) is identical%s"),
                         d->layers - 1, finite_identical(d->language, arena, &last))
          : arena_printf(
                arena,
                say(d->language, "At `block_out` of the last layer (%d) the relative L2 is %s"),
                d->layers - 1, finite_size(d->language, arena, &last));
  if (!words_has_logits(d, pair)) return arena_printf(arena, say(d->language, "%s."), block_out);
  const char *logits =
      end.identical
          ? arena_printf(arena, say(d->language, "the logits are identical%s"),
                         finite_identical(d->language, arena, &end))
          : arena_printf(arena,
                         say(d->language, last.identical ? "the relative L2 of the logits is %s"
                                                         : "at the logits it is %s"),
                         finite_size(d->language, arena, &end));
  return arena_printf(arena, say(d->language, "%s, and %s%s."), block_out, logits,
                      words_top1(d->language, arena, v));
}
