#include "report/population.h"

#include <stdlib.h>

#include "report/language.h"
#include "report/markdown.h"

/* Prompts that cover less of the text do not speak for it: measure/sample.h. */
static const double span_least = 0.5;

const char *population_name(Arena *arena, const ReportData *d) {
  const char *text = d->about[ABOUT_PROMPT_TEXT], *span = d->about[ABOUT_PROMPTS_SPAN];
  if (!text) return say(d->language, "the prompts' texts");
  if (!span || atof(span) >= span_least) return md_text(arena, text);
  return arena_printf(arena, say(d->language, "the part of %s that they stand in (%s)"),
                      md_text(arena, text), md_percent(arena, atof(span)));
}

const char *population_needed(Arena *arena, const ReportData *d, double needed) {
  const char *text = d->about[ABOUT_PROMPT_TEXT], *held = d->about[ABOUT_PROMPTS_HELD];
  if (!(needed <= NEEDED_MOST)) return "";
  if (!held || !text)
    return arena_printf(arena, say(d->language, "%.0f prompts would tell"), needed);
  return arena_printf(
      arena,
      needed <= atof(held)
          ? say(d->language, "%.0f prompts would tell, and %s holds %s of this length")
          : say(d->language, "%.0f prompts would tell, and %s holds only %s of this length"),
      needed, md_text(arena, text), md_text(arena, held));
}
