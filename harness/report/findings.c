/* findings: what the numbers show, pair by pair. Every sentence is computed. */
#include <math.h>
#include <string.h>

#include "family/mode.h"
#include "report/finite.h"
#include "report/language.h"
#include "report/markdown.h"
#include "report/mode_layers.h"
#include "report/sections.h"
#include "report/shapes.h"
#include "report/words.h"

/* What each layer of a mode is, where it differs by layer. */
static void write_layers(FILE *out, const ReportData *d, const char *mode, Arena scratch) {
  const char *words = mode_layers_words(&scratch, d, mode);
  if (*words)
    fprintf(out, say(d->language, "- %s differs by layer: %s.\n"), md_text(&scratch, mode), words);
}

/* The stages in which two modes differ, and the tensors whose kernels do. */
static void write_cause(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch) {
  const char *names[TENSORS_MOST];
  bool in[LAYERS_MOST];
  int stages = 0, tensors = 0;
  write_layers(out, d, pair->base, scratch);
  write_layers(out, d, pair->other, scratch);
  for (int c = MODE_COLUMNS; d->modes && c < table_modes.columns && stages < TENSORS_MOST; c++)
    if (data_mode(d, pair->base, 0) && data_mode(d, pair->other, 0) &&
        mode_layers_differ(d, pair, c, in))
      names[stages++] = table_modes.column[c].name;
  if (stages)
    fprintf(out, say(d->language, "- The modes ask for different settings of %s.\n"),
            words_list(d->language, &scratch, names, stages));
  for (int id = 0; id < d->traced.count; id++) {
    Tally tally = data_tally(d, pair, d->traced.info[id].name);
    if (tally.same_kernel < tally.rows) names[tensors++] = d->traced.info[id].name;
  }
  if (tensors)
    fprintf(out, say(d->language, "- The witness shows different kernels for %s.\n"),
            words_list(d->language, &scratch, names, tensors));
  else if (data_tally(d, pair, NULL).rows)
    fputs(say(d->language, "- The witness shows the same kernels for every tensor.\n"), out);
}

/* "`block_out` …", the three questions: does it accumulate, stay, or jump? */
static void write_shape(FILE *out, const ReportData *d, const ReportPair *pair, const DriftShape *s,
                        Arena scratch) {
  const Agreeing of = by_prompt_agreeing(d, pair, s, scratch);
  const char *parts = shapes_parts(d->language, &scratch, s, &of),
             *tokens = shapes_tokens(&scratch, d, pair, s);
  fprintf(out, say(d->language, "- **Does it accumulate, stay or jump?** `block_out`: %s.%s\n"),
          shapes_travel(d->language, &scratch, s),
          *parts ? arena_printf(&scratch, say(d->language, " %s"), parts) : "");
  if (*tokens) fprintf(out, say(d->language, "- **Single tokens?** %s.\n"), tokens);
}

static void write_course(FILE *out, const ReportData *d, const ReportPair *pair,
                         const Course *course, Arena scratch) {
  const DriftShape *shape = data_shape(d, pair, data_role(d, ROLE_BLOCK_OUT));
  if (course->nonfinite >= 0)
    fprintf(out,
            say(d->language, "- **How it grows is not told**: `block_out` differs from layer %d "
                             "on, and from layer %d on it holds values that are not finite.\n"),
            course->differs, course->nonfinite);
  else if (course->first < 0)
    fprintf(out,
            say(d->language, "- **It has no size**: `block_out` differs from layer %d on, in no "
                             "value but the sign of zeros.\n"),
            course->differs);
  else if (shape)
    write_shape(out, d, pair, shape, scratch);
  else
    fprintf(out,
            say(d->language,
                "- **How it grows is not told**: this results file holds no shapes. From layer %d "
                "to layer %d the relative L2 of `block_out` goes from %s to %s.\n"),
            course->first, course->last, md_error(&scratch, course->first_l2),
            md_error(&scratch, course->last_l2));
}

/* Where values are left out, each of the three has its own left out. */
static void write_scale_left(FILE *out, const ReportData *d, const ReportPair *pair,
                             const Size *base, const Size *other, Arena scratch) {
  fprintf(out,
          say(d->language,
              "- **Beside the errors of the modes themselves**: against the float64 reference the "
              "relative L2 of the logits of %s is %s, and of those of %s it is %s. Each is of "
              "other values than the difference between the two, so that it is not told which mode "
              "is closer, nor how large the difference is beside these errors.\n"),
          md_text(&scratch, pair->base), finite_size(d->language, &scratch, base),
          md_text(&scratch, pair->other), finite_size(d->language, &scratch, other));
}

/* Is the pair's own difference large or small beside the errors of its two modes? */
static void write_scale(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch) {
  const ReportPair *of_base = NULL, *of_other = NULL;
  for (int a = 0; a < d->againsts; a++) {
    if (!strcmp(d->against[a].other, pair->base)) of_base = &d->against[a];
    if (!strcmp(d->against[a].other, pair->other)) of_other = &d->against[a];
  }
  if (!of_base || !of_other || !words_has_logits(d, pair)) return;
  const Size base = words_logits(d, of_base), other = words_logits(d, of_other),
             between = words_logits(d, pair);
  if (!finite_whole(&base) || !finite_whole(&other) || !finite_whole(&between)) {
    write_scale_left(out, d, pair, &base, &other, scratch);
    return;
  }
  if (!(base.rel_l2 > 0) || !(other.rel_l2 > 0) || !(between.rel_l2 > 0)) return;
  double smaller = fmin(base.rel_l2, other.rel_l2), own = between.rel_l2;
  fprintf(out,
          say(d->language,
              "- **Beside the errors of the modes themselves**: against the float64 reference the "
              "logits of %s are off by %s and those of %s by %s (relative L2); %s, and the "
              "difference between the two is %s the smaller of these errors.\n"),
          md_text(&scratch, pair->base), md_error(&scratch, base.rel_l2),
          md_text(&scratch, pair->other), md_error(&scratch, other.rel_l2),
          by_prompt_closer(&scratch, d, of_base, of_other, base.rel_l2, other.rel_l2),
          arena_printf(&scratch, say(d->language, own < smaller ? "%s of" : "%s times"),
                       own < smaller ? md_share(&scratch, own / smaller)
                                     : md_factor(&scratch, own / smaller)));
}

/* Which of the two sides a relative error is divided by, where another place has the other one. */
static void write_divided(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch) {
  bool shown = false;
  for (int a = 0; a < d->againsts; a++) shown |= !strcmp(d->against[a].other, pair->base);
  if (!shown || strcmp(pair->other, MODE_REFERENCE) != 0) return;
  fprintf(out,
          say(d->language, "- **Divided by %s**: a relative error is that beside the side named "
                           "first. Where %s stands in a table “against float64” it is divided by "
                           "float64, and so its numbers differ a little.\n"),
          md_text(&scratch, pair->base), md_text(&scratch, pair->base));
}

static void write_findings(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch) {
  Effect effect = words_effect_of(pair, data_tally(d, pair, NULL));
  fprintf(out, "- %s\n", words_effect(&scratch, d, pair));
  if (effect == EFFECT_UNKNOWN) return;
  write_divided(out, d, pair, scratch);
  if (effect != EFFECT_REFERENCE && !pair->made_elsewhere) write_cause(out, d, pair, scratch);
  const char *reason = words_reason(d, pair);
  if (*reason) fprintf(out, say(d->language, "- **Why.** %s\n"), reason);
  if (data_identical(d, pair)) {
    if (!*reason && effect == EFFECT_IDENTICAL)
      fputs(say(d->language, "- No reason is known why these modes should always agree: the "
                             "equality is a finding about these prompts.\n"),
            out);
    return;
  }
  const char *first = words_first(&scratch, d, pair), *end = words_end(&scratch, d, pair);
  if (*first) fprintf(out, say(d->language, "- **Where it begins.** %s\n"), first);
  Course course = words_course(d, pair, scratch);
  if (course.differs >= 0) {
    write_course(out, d, pair, &course, scratch);
  } else if (d->layers && data_drift(d, pair, data_role(d, ROLE_BLOCK_OUT), d->layers - 1)) {
    fputs(say(d->language, "- **It does not travel.** `block_out` is identical in every layer: "
                           "what differs inside a layer is lost again before the layer ends.\n"),
          out);
  }
  if (*end) fprintf(out, say(d->language, "- **Where it ends.** %s\n"), end);
  if (pair->verdict && effect == EFFECT_DIFFERS) write_scale(out, d, pair, scratch);
}

void section_findings(FILE *out, const ReportData *d, Arena scratch) {
  if (!d->pairs) fputs(say(d->language, "Without a pair they show no difference.\n\n"), out);
  for (int p = 0; p < d->pairs; p++) {
    fprintf(out, "### %s\n\n", words_pair(d->language, &scratch, &d->pair[p]));
    write_findings(out, d, &d->pair[p], scratch);
    fputc('\n', out);
  }
}
