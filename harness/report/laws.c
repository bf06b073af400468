#include "report/laws.h"

#include <math.h>
#include <string.h>

#include "report/markdown.h"

static bool is(const DriftLaw *law, const char *class) { return !strcmp(law->class, class); }

/* "0.99 … 1.05" */
static const char *range(Arena *arena, double low, double high) {
  return isnan(low) ? "—" : arena_printf(arena, "%s … %s", md_factor(arena, low), md_factor(arena, high));
}

static const char *growth_words(Arena *arena, const DriftLaw *law) {
  return arena_printf(arena, "a factor of %s a layer (95 %% interval %s)", md_factor(arena, law->growth),
                      range(arena, law->growth_low, law->growth_high));
}

static const char *doubt(Arena *arena, const DriftLaw *law) {
  if (!strcmp(law->reason, "few_layers"))
    return arena_printf(arena, "%s: too few to tell a tendency from chance",
                        law->layers == 1 ? "only one layer differs"
                                         : arena_printf(arena, "only %d layers differ", law->layers));
  if (!strcmp(law->reason, "gaps"))
    return "a layer after the first that differs is identical, or its size has no meaning";
  return arena_printf(arena,
                      "layers lie up to a factor of %s off their median, by no jump and without a steady tendency: %s",
                      md_factor(arena, law->spread), growth_words(arena, law));
}

const char *laws_words(Arena *arena, const DriftLaw *law) {
  if (is(law, "identical")) return "identical in every bit of every layer";
  if (is(law, "cannot_tell")) return arena_printf(arena, "cannot tell: %s", doubt(arena, law));
  if (is(law, "jumps"))
    return arena_printf(arena, "jumps at layer %d, by a factor of %s%s; outside the jump %s", law->break_layer,
                        md_factor(arena, law->break_factor),
                        law->prompts > 1
                            ? arena_printf(arena, " (95 %% interval %s)", range(arena, law->break_low, law->break_high))
                            : "",
                        growth_words(arena, law));
  if (is(law, "stable"))
    return arena_printf(arena, "stable: no layer lies off the median by more than a factor of %s; %s",
                        md_factor(arena, law->spread), growth_words(arena, law));
  return arena_printf(arena, "%s: %s, %s over all %d layers", md_text(arena, law->class), growth_words(arena, law),
                      md_factor(arena, pow(law->growth, law->layers - 1)), law->layers);
}

const char *laws_brief(Arena *arena, const DriftLaw *law) {
  const char *growth = arena_printf(arena, "%s a layer (%s)", md_factor(arena, law->growth),
                                    range(arena, law->growth_low, law->growth_high));
  if (is(law, "cannot_tell")) return "cannot tell the law";
  if (is(law, "jumps"))
    return arena_printf(arena, "jumps at layer %d by %s", law->break_layer, md_factor(arena, law->break_factor));
  return is(law, "accumulates") || is(law, "shrinks") ? arena_printf(arena, "%s, %s", law->class, growth)
         : is(law, "stable")                          ? "stable"
                                                      : "identical";
}

static const char *class_cell(Arena *arena, const DriftLaw *law) {
  return is(law, "cannot_tell") ? "cannot tell" : md_text(arena, law->class);
}

void laws_table(FILE *out, const char *heading, const LawLine *line, int count, Arena scratch) {
  Grid grid = grid_new(&scratch, "llrrrrrr");
  const char *const heads[] = {heading,         "verdict",        "growth a layer",
                               "95 % interval", "off the median", "step most unlike the others",
                               "its factor",    "its p"};
  for (int c = 0; c < grid.columns; c++) grid_add(&grid, heads[c]);
  for (int i = 0; i < count; i++) {
    const DriftLaw *law = line[i].law;
    if (!law) continue;
    bool step = law->break_layer >= 0;
    grid_add(&grid, line[i].label);
    grid_add(&grid, class_cell(&scratch, law));
    grid_add(&grid, md_factor(&scratch, law->growth));
    grid_add(&grid, range(&scratch, law->growth_low, law->growth_high));
    grid_add(&grid, md_factor(&scratch, law->spread));
    grid_add(&grid, step ? arena_printf(&scratch, "into layer %d", law->break_layer) : "—");
    grid_add(&grid, step ? md_factor(&scratch, law->break_factor) : "—");
    grid_add(&grid, step ? md_short(&scratch, law->break_p) : "—");
  }
  if (grid.count > grid.columns) grid_write(&grid, out);
}
