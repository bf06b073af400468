#include "report/population.h"

#include <math.h>
#include <stdlib.h>

#include "report/language.h"
#include "report/markdown.h"

static const double needed_most = 1e6; /* more is no advice */

const char *population_name(Arena *arena, const ReportData *d) {
  const char *text = d->about[ABOUT_PROMPT_TEXT];
  return text ? md_text(arena, text) : say("the prompts' texts");
}

const char *population_needed(Arena *arena, const ReportData *d, double needed) {
  const char *name = population_name(arena, d), *held = d->about[ABOUT_PROMPTS_HELD];
  if (!(needed <= needed_most)) return "";
  if (!held) return arena_printf(arena, say("%.0f prompts would tell"), needed);
  return arena_printf(arena,
                      needed <= atof(held) ? say("%.0f prompts would tell, and %s holds %s of this length")
                                           : say("%.0f prompts would tell, and %s holds only %s of this length"),
                      needed, name, md_text(arena, held));
}
