/* gates: the limits that the spec sets, pass or fail, and what limit would pass. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "family/trace.h"
#include "report/language.h"
#include "report/markdown.h"
#include "report/sections.h"
#include "report/words.h"

static const struct {
  const char *measure, *words;
} named[] = {{"rel_l2", WORD("relative L2")},
             {"max_abs", WORD("largest absolute difference")},
             {"sqnr_db", WORD("SQNR in dB")},
             {"differing", WORD("share of differing elements")},
             {"growth", WORD("growth over the layers")},
             {"step", WORD("largest step from layer to layer")},
             {"peak", WORD("growth up to the largest layer")},
             {"on_grid", WORD("share on the INT8 grid")},
             {"top1_agreement", WORD("share of equal next tokens")},
             {"bits_per_byte", WORD("bits per byte, second less first")}};

static const char *measure_words(Arena *arena, const GateRow *gate) {
  for (size_t i = 0; i < sizeof named / sizeof *named; i++)
    if (!strcmp(named[i].measure, gate->measure)) return say(named[i].words);
  return md_text(arena, gate->measure);
}

static const char *bound(const GateRow *gate) { return say(gate->at_least ? "at least" : "at most"); }

static const char *number(Arena *arena, double x) {
  return isnan(x) ? "—" : isinf(x) ? md_short(arena, x) : arena_printf(arena, "%.6g", x);
}

static const char *why(const GateRow *gate) {
  return !strcmp(gate->reason, "not_measured") ? say("it was not measured")
         : !strcmp(gate->reason, "no_shape")   ? say("its curve over the layers has no shape, so no factor")
                                               : say("values are not finite");
}

/* Names for the terminal: control characters of a foreign file are not passed on. */
static const char *place_plain(Arena *arena, const GateRow *gate) {
  const char *who = *gate->base ? arena_printf(arena, say("%s against %s"), gate->base, gate->other) : gate->other;
  const char *all =
      !strcmp(gate->layers, "all") ? say("every layer") : arena_printf(arena, say("layer %s"), gate->layers);
  char *text = *gate->layers ? arena_printf(arena, say("%s, %s of %s"), who, gate->tensor, all)
                             : arena_printf(arena, say("%s, %s"), who, gate->tensor);
  for (char *c = text; *c; c++)
    if ((unsigned char)*c < 32 || *c == 127) *c = '?';
  return text;
}

static void write_line(FILE *out, const GateRow *gate, size_t number_of, Arena scratch) {
  const char *would = *gate->reason          ? why(gate)
                      : isinf(gate->passing) ? say("every limit would pass")
                                             : arena_printf(&scratch, say("%s %s would pass"), bound(gate),
                                                            number(&scratch, gate->passing));
  fprintf(out, say("gate %zu: %s: %s: %s %s, limit %s %s; %s\n"), number_of,
          say(gate->passed ? WORD("pass") : WORD("FAIL")), place_plain(&scratch, gate), measure_words(&scratch, gate),
          number(&scratch, gate->measured), bound(gate), number(&scratch, gate->limit), would);
}

const char *gates_summary(Arena *arena, const ReportData *d) {
  char *text = NULL;
  size_t count = 0;
  FILE *out = d->gates ? open_memstream(&text, &count) : NULL;
  if (!out) return "";
  for (size_t i = 0; i < d->gates; i++) write_line(out, &d->gate[i], i + 1, *arena);
  const char *summary = fclose(out) == 0 ? arena_printf(arena, "%s", text) : "";
  free(text);
  return summary;
}

const char *gates_failed(Arena *arena, const ReportData *d) {
  size_t failed = 0, first = 0;
  for (size_t i = d->gates; i-- > 0;)
    if (!d->gate[i].passed) failed++, first = i;
  if (!failed) return NULL;
  return arena_printf(arena, say("%zu of %zu gates failed, first gate %zu: %s"), failed, d->gates, first + 1,
                      place_plain(arena, &d->gate[first]));
}

void section_gates(FILE *out, const ReportData *d, Arena scratch) {
  Grid grid = grid_new(&scratch, "rllllrrrr");
  static const char *const heading[] =
      WORDS("gate", "", "of", "tensor", "what", "measured", "limit", "at layer", "tightest to pass");
  size_t passed = 0;
  grid_head(&grid, heading);
  for (size_t i = 0; i < d->gates; i++) {
    const GateRow *gate = &d->gate[i];
    const ReportPair pair = {gate->base, gate->other, NULL};
    passed += gate->passed != 0;
    grid_add(&grid, arena_printf(&scratch, "%zu", i + 1));
    grid_add(&grid, say(gate->passed ? "pass" : "**FAIL**"));
    grid_add(&grid, *gate->base ? words_pair(&scratch, &pair) : md_text(&scratch, gate->other));
    grid_add(&grid, md_code(&scratch, gate->tensor));
    grid_add(&grid, *gate->reason ? arena_printf(&scratch, say("%s: %s"), measure_words(&scratch, gate), why(gate))
                                  : measure_words(&scratch, gate));
    grid_add(&grid, number(&scratch, gate->measured));
    grid_add(&grid, arena_printf(&scratch, "%s %s", bound(gate), number(&scratch, gate->limit)));
    grid_add(&grid, gate->worst_layer < 0 ? "—" : arena_printf(&scratch, "%d", gate->worst_layer));
    grid_add(&grid, number(&scratch, gate->passing));
  }
  fprintf(
      out,
      say("%zu of %zu gates pass. Prompts are pooled; of a largest difference and a share on the grid the worst prompt "
          "counts. A value that is not finite fails every gate.\n\n"),
      passed, d->gates);
  grid_write(&grid, out);
}
