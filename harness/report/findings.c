/* findings: the question and its answer in brief, and what the numbers show. Every sentence is
 * computed. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/language.h"
#include "report/laws.h"
#include "report/markdown.h"
#include "report/plots.h"
#include "report/sections.h"
#include "report/words.h"

/* What was asked of what: model, prompts and backend in one paragraph. */
static void write_facts(FILE *out, const ReportData *d, Arena scratch) {
  const char *model = d->about[ABOUT_MODEL], *shape = d->about[ABOUT_MODEL_SHAPE], *rewrite = d->about[ABOUT_REWRITE];
  const char *backend = d->about[ABOUT_BACKEND], *device = d->about[ABOUT_DEVICE], *text = "";
  if (model) text = arena_printf(&scratch, say("Model: %s"), md_code(&scratch, model));
  if (model && shape) text = arena_printf(&scratch, say("%s (%s)"), text, md_text(&scratch, shape));
  if (model && rewrite) text = arena_printf(&scratch, say("%s, rewrite %s"), text, md_text(&scratch, rewrite));
  for (int p = 0; p < d->prompts; p++) {
    const TensorStats *embedding = data_tensor(d, d->prompt[p], NULL, tensor_info[T_EMBEDDING].name, LAYER_EMBEDDING);
    const char *tokens =
        embedding ? arena_printf(&scratch, say(" (%s)"), md_count(&scratch, embedding->rows, "token")) : "";
    const char *before =
        p ? say(", ")
          : arena_printf(&scratch, "%s%s", *text ? say(". ") : "", say(d->prompts > 1 ? "Prompts: " : "Prompt: "));
    text = arena_printf(&scratch, "%s%s%s%s", text, before, md_text(&scratch, d->prompt[p]), tokens);
  }
  if (backend)
    text = arena_printf(&scratch, say("%s%sBackend: %s"), text, *text ? say(". ") : "", md_text(&scratch, backend));
  if (backend && device) text = arena_printf(&scratch, say("%s (%s)"), text, md_text(&scratch, device));
  if (*text) fprintf(out, say("%s.\n\n"), text);
}

/* Before everything else: a model that ran without some of its checkpoint may not be the model that was saved. */
static void write_unused(FILE *out, const ReportData *d, Arena scratch) {
  const char *names = d->about[ABOUT_UNUSED_WEIGHTS], *count = d->about[ABOUT_UNUSED_WEIGHTS_COUNT];
  if (!names || !count) return;
  fprintf(out, say("> **Warning.** The checkpoint holds %s that the model does not use: %s.\n\n"),
          md_count(&scratch, strtol(count, NULL, 10), "tensor"), md_text(&scratch, names));
}

static const char *sentence(Arena *arena, const char *text) {
  return *text ? arena_printf(arena, say(" %s"), text) : "";
}

void section_question(FILE *out, const ReportData *d, Arena scratch) {
  write_unused(out, d, scratch);
  const char *warning = finite_warning(&scratch, d);
  if (*warning) fprintf(out, say("> **Warning.** %s\n\n"), warning);
  if (d->about[ABOUT_QUESTION]) fprintf(out, "> %s\n\n", md_text(&scratch, d->about[ABOUT_QUESTION]));
  write_facts(out, d, scratch);
  for (int p = 0; p < d->pairs; p++) {
    const ReportPair *pair = &d->pair[p];
    bool explained = data_identical(d, pair) || (pair->verdict && words_last(d, pair).identical);
    fprintf(out, say("- **%s.** %s%s%s%s\n"), words_pair(&scratch, pair), words_effect(&scratch, d, pair),
            sentence(&scratch, data_identical(d, pair) ? "" : words_first(&scratch, d, pair)),
            sentence(&scratch, words_end(&scratch, d, pair)),
            sentence(&scratch, explained ? words_reason(d, pair) : ""));
  }
  if (d->pairs) fputc('\n', out);
  if (d->pairs == 1) plot_drift(out, d, &d->pair[0], scratch);
}

/* The stages in which two modes differ, and the tensors whose kernels do. */
static void write_cause(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch) {
  const ModeRow *base = data_mode(d, pair->base), *other = data_mode(d, pair->other);
  const char *names[T_COUNT > 16 ? T_COUNT : 16];
  int stages = 0, tensors = 0;
  for (int c = 1; base && other && c < table_modes.columns && stages < 16; c++) {
    size_t offset = table_modes.column[c].offset;
    if (strcmp((const char *)base + offset, (const char *)other + offset)) names[stages++] = table_modes.column[c].name;
  }
  if (stages) fprintf(out, say("- The modes ask for different settings of %s.\n"), words_list(&scratch, names, stages));
  for (int id = 0; id < T_COUNT; id++) {
    Tally tally = data_tally(d, pair, tensor_info[id].name);
    if (tally.same_kernel < tally.rows) names[tensors++] = tensor_info[id].name;
  }
  if (tensors)
    fprintf(out, say("- The witness shows different kernels for %s.\n"), words_list(&scratch, names, tensors));
  else if (data_tally(d, pair, NULL).rows)
    fputs(say("- The witness shows the same kernels for every tensor.\n"), out);
}

static void write_growth(FILE *out, const Course *course, Arena scratch) {
  if (course->nonfinite >= 0) {
    fprintf(out,
            say("- **How it grows is not told**: `block_out` differs from layer %d on, and from layer %d on it holds "
                "values that are not finite.\n"),
            course->differs, course->nonfinite);
    return;
  }
  if (course->first < 0) {
    fprintf(out,
            say("- **It has no size**: `block_out` differs from layer %d on, in no value but the sign of zeros.\n"),
            course->differs);
    return;
  }
  if (course->last <= course->first) return;
  const char *verb = course->factor >= 1.005 ? WORD("grows") : course->factor > 0.995 ? WORD("goes") : WORD("shrinks");
  fprintf(out,
          say("- **From layer %d to layer %d** the relative L2 of `block_out` %s from %s to %s: a factor of %s, in the "
              "geometric mean %s a layer."),
          course->first, course->last, say(verb), md_short(&scratch, course->first_l2),
          md_short(&scratch, course->last_l2), md_factor(&scratch, course->factor),
          md_factor(&scratch, course->per_layer));
  if (course->worst_layer == course->last)
    fputs(say(" The last layer is also the worst.\n"), out);
  else
    fprintf(out, say(" The worst layer is %d, with %s.\n"), course->worst_layer, md_short(&scratch, course->worst_l2));
}

/* Is the pair's own difference large or small beside the errors of its two modes? */
static void write_scale(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch) {
  const Verdict *base = NULL, *other = NULL;
  for (int a = 0; a < d->againsts; a++) {
    if (!strcmp(d->against[a].other, pair->base)) base = d->against[a].verdict;
    if (!strcmp(d->against[a].other, pair->other)) other = d->against[a].verdict;
  }
  if (!base || !other || base->nonfinite || other->nonfinite || pair->verdict->nonfinite) return;
  if (!(base->logits_rel_l2 > 0) || !(other->logits_rel_l2 > 0) || !(pair->verdict->logits_rel_l2 > 0)) return;
  double smaller = fmin(base->logits_rel_l2, other->logits_rel_l2), own = pair->verdict->logits_rel_l2;
  const char *closer = base->logits_rel_l2 < other->logits_rel_l2 ? pair->base : pair->other;
  fprintf(
      out,
      say("- **Beside the errors of the modes themselves**: against the float64 reference the logits of %s are off by "
          "%s and those of %s by %s (relative L2); "
          "%s, and the difference between the two is %s the smaller of these errors.\n"),
      md_text(&scratch, pair->base), md_short(&scratch, base->logits_rel_l2), md_text(&scratch, pair->other),
      md_short(&scratch, other->logits_rel_l2),
      base->logits_rel_l2 == other->logits_rel_l2
          ? say("neither is closer")
          : arena_printf(&scratch, say("%s is closer"), md_text(&scratch, closer)),
      arena_printf(&scratch, say(own < smaller ? "%s of" : "%s times"),
                   own < smaller ? md_percent(&scratch, own / smaller) : md_factor(&scratch, own / smaller)));
}

static void write_findings(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch) {
  Effect effect = words_effect_of(pair, data_tally(d, pair, NULL));
  fprintf(out, "- %s\n", words_effect(&scratch, d, pair));
  if (effect == EFFECT_UNKNOWN) return;
  if (effect != EFFECT_REFERENCE) write_cause(out, d, pair, scratch);
  const char *reason = words_reason(d, pair);
  if (*reason) fprintf(out, say("- **Why.** %s\n"), reason);
  if (data_identical(d, pair)) {
    if (!*reason && effect == EFFECT_IDENTICAL)
      fputs(say("- No reason is known why these modes should always agree: the equality is a finding about these "
                "prompts.\n"),
            out);
    return;
  }
  const char *first = words_first(&scratch, d, pair), *end = words_end(&scratch, d, pair);
  if (*first) fprintf(out, say("- **Where it begins.** %s\n"), first);
  Course course = words_course(d, pair, scratch);
  if (course.differs >= 0) {
    write_growth(out, &course, scratch);
    const DriftLaw *law = data_law(d, pair, tensor_info[T_BLOCK_OUT].name);
    if (law) fprintf(out, say("- **By which law.** `block_out` %s.\n"), laws_words(&scratch, law));
  } else if (d->layers && data_drift(d, pair, tensor_info[T_BLOCK_OUT].name, d->layers - 1)) {
    fputs(say("- **It does not travel.** `block_out` is identical in every layer: what differs inside a layer is lost "
              "again before the layer ends.\n"),
          out);
  }
  if (*end) fprintf(out, say("- **Where it ends.** %s\n"), end);
  if (pair->verdict && effect == EFFECT_DIFFERS) write_scale(out, d, pair, scratch);
}

void section_findings(FILE *out, const ReportData *d, Arena scratch) {
  if (!d->pairs) fputs(say("Without a pair they show no difference.\n\n"), out);
  for (int p = 0; p < d->pairs; p++) {
    fprintf(out, "### %s\n\n", words_pair(&scratch, &d->pair[p]));
    write_findings(out, d, &d->pair[p], scratch);
    fputc('\n', out);
  }
}
