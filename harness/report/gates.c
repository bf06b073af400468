/* gates: the limits that the spec sets, pass or fail, and what limit would pass. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/name.h"
#include "report/language.h"
#include "report/markdown.h"
#include "report/sections.h"
#include "report/words.h"

static const struct {
  const char *measure, *words;
} named[] = {{"rel_l2", WORD("relative L2")},
             {"token_median", WORD("median token's relative L2")},
             {"max_abs", WORD("largest absolute difference")},
             {"sqnr_db", WORD("SQNR in dB")},
             {"differing", WORD("share of differing elements")},
             {"growth", WORD("growth over the layers")},
             {"step", WORD("largest step from layer to layer")},
             {"peak", WORD("growth up to the largest layer")},
             {"on_grid", WORD("share on the INT8 grid")},
             {"top1_agreement", WORD("share of equal next tokens")},
             {"bits_per_byte", WORD("bits per byte, second less first")}};

static const char *measure_words(Language l, Arena *arena, const GateRow *gate) {
  for (size_t i = 0; i < sizeof named / sizeof *named; i++)
    if (!strcmp(named[i].measure, gate->measure)) return say(l, named[i].words);
  return md_text(arena, gate->measure);
}

static const char *bound(Language l, const GateRow *gate) {
  return say(l, gate->at_least ? "at least" : "at most");
}

static const char *number(Arena *arena, double x) {
  return isnan(x) ? "—" : isinf(x) ? md_short(arena, x) : arena_printf(arena, "%.6g", x);
}

static const char *why(Language l, const GateRow *gate) {
  return !strcmp(gate->reason, "not_measured") ? say(l, "it was not measured")
         : !strcmp(gate->reason, "no_shape")
             ? say(l, "its curve over the layers has no shape, so no factor")
             : say(l, "values are not finite");
}

/* Names for the terminal: control characters of a foreign file are not passed on. */
static const char *place_plain(Language l, Arena *arena, const GateRow *gate) {
  const char *who = *gate->base
                        ? arena_printf(arena, say(l, "%s against %s"), gate->base, gate->other)
                        : gate->other;
  const char *all = !strcmp(gate->layers, "all")
                        ? say(l, "every layer")
                        : arena_printf(arena, say(l, "layer %s"), gate->layers);
  char *text = *gate->layers ? arena_printf(arena, say(l, "%s, %s of %s"), who, gate->tensor, all)
                             : arena_printf(arena, say(l, "%s, %s"), who, gate->tensor);
  text_make_plain(text, "");
  return text;
}

static void write_line(Language l, FILE *out, const GateRow *gate, size_t number_of,
                       Arena scratch) {
  const char *would = *gate->reason ? why(l, gate)
                      : isinf(gate->passing)
                          ? say(l, "every limit would pass")
                          : arena_printf(&scratch, say(l, "%s %s would pass"), bound(l, gate),
                                         number(&scratch, gate->passing));
  fprintf(out, say(l, "gate %zu: %s: %s: %s %s, limit %s %s; %s\n"), number_of,
          say(l, gate->passed ? WORD("pass") : WORD("FAIL")), place_plain(l, &scratch, gate),
          measure_words(l, &scratch, gate), number(&scratch, gate->measured), bound(l, gate),
          number(&scratch, gate->limit), would);
}

const char *gates_summary(Arena *arena, const ReportData *d) {
  char *text = NULL;
  size_t count = 0;
  FILE *out = d->gates ? open_memstream(&text, &count) : NULL;
  if (!out) return "";
  for (size_t i = 0; i < d->gates; i++) write_line(d->language, out, &d->gate[i], i + 1, *arena);
  const char *summary = fclose(out) == 0 ? arena_printf(arena, "%s", text) : "";
  free(text);
  return summary;
}

const char *gates_failed(Arena *arena, const ReportData *d) {
  size_t failed = 0, first = 0;
  for (size_t i = d->gates; i-- > 0;)
    if (!d->gate[i].passed) failed++, first = i;
  if (!failed) return NULL;
  return arena_printf(arena, say(d->language, "%zu of %zu gates failed, first gate %zu: %s"),
                      failed, d->gates, first + 1,
                      place_plain(d->language, arena, &d->gate[first]));
}

void section_gates(FILE *out, const ReportData *d, Arena scratch) {
  Grid grid = grid_new(&scratch, "rllllrrrr");
  static const char *const heading[] = WORDS("gate", "", "of", "tensor", "what", "measured",
                                             "limit", "at layer", "tightest to pass");
  size_t passed = 0;
  grid_head(d->language, &grid, heading);
  for (size_t i = 0; i < d->gates; i++) {
    const GateRow *gate = &d->gate[i];
    const ReportPair pair = {.base = gate->base, .other = gate->other};
    passed += gate->passed != 0;
    grid_add(&grid, arena_printf(&scratch, "%zu", i + 1));
    grid_add(&grid, say(d->language, gate->passed ? "pass" : "**FAIL**"));
    grid_add(&grid, *gate->base ? words_pair(d->language, &scratch, &pair)
                                : md_text(&scratch, gate->other));
    grid_add(&grid, md_code(&scratch, gate->tensor));
    grid_add(&grid, *gate->reason ? arena_printf(&scratch, say(d->language, "%s: %s"),
                                                 measure_words(d->language, &scratch, gate),
                                                 why(d->language, gate))
                                  : measure_words(d->language, &scratch, gate));
    grid_add(&grid, number(&scratch, gate->measured));
    grid_add(&grid, arena_printf(&scratch, "%s %s", bound(d->language, gate),
                                 number(&scratch, gate->limit)));
    grid_add(&grid, md_index(&scratch, gate->worst_layer));
    grid_add(&grid, number(&scratch, gate->passing));
  }
  fprintf(out,
          say(d->language,
              "%zu of %zu gates pass. Prompts are pooled; of a largest difference and a share on "
              "the grid the worst prompt counts, of the median token the geometric mean over "
              "prompts. A value that is not finite fails every gate.\n\n"),
          passed, d->gates);
  grid_write(&grid, out);
}
