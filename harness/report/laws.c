#include "report/laws.h"

#include <math.h>
#include <string.h>

#include "report/language.h"
#include "report/markdown.h"

/* What a verdict is called; one that is not known is shown as it is. */
static const char *const verdicts[] = WORDS("accumulates", "shrinks", "stable", "jumps", "identical");

static const char *verdict_words(Arena *arena, const DriftLaw *law) {
  for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++)
    if (!strcmp(verdicts[i], law->verdict)) return say(verdicts[i]);
  return md_text(arena, law->verdict);
}

static bool is(const DriftLaw *law, const char *verdict) { return !strcmp(law->verdict, verdict); }

/* "0.99 … 1.05" */
static const char *range(Arena *arena, double low, double high) {
  return isnan(low) ? "—" : arena_printf(arena, "%s … %s", md_factor(arena, low), md_factor(arena, high));
}

/* Three decimals: near 1, where growth lies, three digits are too few. */
static const char *growth(Arena *arena, double factor) {
  return factor > 0.1 && factor < 10 ? arena_printf(arena, "%.3f", factor) : md_factor(arena, factor);
}

static const char *growth_range(Arena *arena, const DriftLaw *law) {
  return isnan(law->growth_low)
             ? "—"
             : arena_printf(arena, "%s … %s", growth(arena, law->growth_low), growth(arena, law->growth_high));
}

static const char *growth_words(Arena *arena, const DriftLaw *law) {
  return arena_printf(arena, say("a factor of %s a layer (95 %% interval %s)"), growth(arena, law->growth),
                      growth_range(arena, law));
}

static const char *doubt(Arena *arena, const DriftLaw *law) {
  if (!strcmp(law->reason, "few_layers"))
    return arena_printf(arena, say("%s: too few to tell a tendency from chance"),
                        law->layers == 1 ? say("only one layer differs")
                                         : arena_printf(arena, say("only %d layers differ"), law->layers));
  if (!strcmp(law->reason, "not_finite"))
    return say("values that are not finite are left out of it, and sizes of the rest do not compare");
  if (!strcmp(law->reason, "gaps"))
    return say("a layer after the first that differs is identical, or its size has no meaning");
  return arena_printf(
      arena, say("layers lie up to a factor of %s off their median, by no jump and without a steady tendency: %s"),
      md_factor(arena, law->spread), growth_words(arena, law));
}

const char *laws_words(Arena *arena, const DriftLaw *law) {
  if (is(law, "identical")) return say("is identical in every bit of every layer");
  if (is(law, "cannot_tell")) return arena_printf(arena, say("cannot be told: %s"), doubt(arena, law));
  if (is(law, "jumps"))
    return arena_printf(arena, say("jumps at layer %d, by a factor of %s%s; outside the jump %s"), law->break_layer,
                        md_factor(arena, law->break_factor),
                        law->prompts > 1 ? arena_printf(arena, say(" (95 %% interval %s)"),
                                                        range(arena, law->break_low, law->break_high))
                                         : "",
                        growth_words(arena, law));
  if (is(law, "stable"))
    return arena_printf(arena, say("is stable: no layer lies off the median by more than a factor of %s; %s"),
                        md_factor(arena, law->spread), growth_words(arena, law));
  return arena_printf(arena, say("%s: %s, %s over all %d layers"), verdict_words(arena, law), growth_words(arena, law),
                      md_factor(arena, pow(law->growth, law->layers - 1)), law->layers);
}

const char *laws_brief(Arena *arena, const DriftLaw *law) {
  const char *by = arena_printf(arena, say("%s a layer (%s)"), growth(arena, law->growth), growth_range(arena, law));
  if (is(law, "cannot_tell")) return say("cannot tell the law");
  if (is(law, "jumps"))
    return arena_printf(arena, say("jumps at layer %d by %s"), law->break_layer, md_factor(arena, law->break_factor));
  return is(law, "accumulates") || is(law, "shrinks")
             ? arena_printf(arena, say("%s, %s"), verdict_words(arena, law), by)
         : is(law, "stable") ? say("stable")
                             : say("identical");
}

static const char *verdict_cell(Arena *arena, const DriftLaw *law) {
  return is(law, "cannot_tell") ? say("cannot tell") : verdict_words(arena, law);
}

void laws_table(FILE *out, const char *heading, const LawLine *line, int count, Arena scratch) {
  Grid grid = grid_new(&scratch, "llrrrrrr");
  const char *const heads[] = WORDS(heading, "verdict", "growth a layer", "95 % interval", "off the median",
                                    "step most unlike the others", "its factor", "its p");
  grid_head(&grid, heads);
  for (int i = 0; i < count; i++) {
    const DriftLaw *law = line[i].law;
    if (!law) continue;
    bool step = law->break_layer >= 0;
    grid_add(&grid, line[i].label);
    grid_add(&grid, verdict_cell(&scratch, law));
    grid_add(&grid, growth(&scratch, law->growth));
    grid_add(&grid, growth_range(&scratch, law));
    grid_add(&grid, md_factor(&scratch, law->spread));
    grid_add(&grid, step ? arena_printf(&scratch, say("into layer %d"), law->break_layer) : "—");
    grid_add(&grid, step ? md_factor(&scratch, law->break_factor) : "—");
    grid_add(&grid, step ? md_short(&scratch, law->break_p) : "—");
  }
  if (grid.count > grid.columns) grid_write(&grid, out);
}
