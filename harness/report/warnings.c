/* warnings: what stands at the report's head before everything else: what makes its figures those
 * of another question, and what the results file does not hold or prove. */
#include <stdlib.h>

#include "report/finite.h"
#include "report/language.h"
#include "report/markdown.h"
#include "report/sections.h"
#include "report/sources.h"
#include "report/undone.h"

/* A model that ran without some of its checkpoint may not be the model that was saved. */
static void write_unused(FILE *out, const ReportData *d, Arena scratch) {
  const char *names = d->about[ABOUT_UNUSED_WEIGHTS], *count = d->about[ABOUT_UNUSED_WEIGHTS_COUNT];
  if (!names || !count) return;
  fprintf(out,
          say(d->language,
              "> **Warning.** The checkpoint holds %s that the model does not use: %s.\n\n"),
          md_count(d->language, &scratch, strtol(count, NULL, 10), "tensor"),
          md_text(&scratch, names));
}

/* Intervals take prompts for strangers. */
static void write_repeated(FILE *out, const ReportData *d, Arena scratch) {
  const char *told = d->about[ABOUT_PROMPTS_REPEATED];
  char one[4 * NAME_BYTES_MAX], other[4 * NAME_BYTES_MAX];
  int count;
  if (!told || sscanf(told, "%d\n%155[^\n]\n%155[^\n]", &count, one, other) != 3) return;
  fprintf(out,
          say(d->language,
              "> **Warning.** Not a text of its own: %s, the first %s, which has tokens of %s. "
              "Intervals over prompts take each for one of its own, and are too narrow.\n\n"),
          md_count(d->language, &scratch, count, "prompt"), md_text(&scratch, one),
          md_text(&scratch, other));
}

/* A digest that is gone proves nothing; the data is shown all the same. */
static void write_unproved(FILE *out, const ReportData *d, Arena scratch) {
  if (d->unproved)
    fprintf(out,
            say(d->language, "> **Warning.** Without a digest: %s of the results file, first %s. "
                             "Whether the run wrote them so cannot be said.\n\n"),
            md_count(d->language, &scratch, d->unproved, "object"),
            md_code(&scratch, d->first_unproved));
}

/* What of a run is not in its file is no fact of the run. */
static const char *missing_words(Arena *arena, const ReportData *d) {
  const Language l = d->language;
  const bool core = d->missing_tables && *d->missing_tables,
             about = d->missing_attributes && *d->missing_attributes;
  const char *text = core ? arena_printf(arena, say(l, "the tables %s"), d->missing_tables) : "";
  if (about)
    text = arena_printf(arena, "%s%s%s", text, core ? say(l, "; ") : "",
                        arena_printf(arena, say(l, "the attributes %s"), d->missing_attributes));
  if (d->removed_tables)
    text = arena_printf(arena, "%s%s%s", text, core || about ? say(l, "; ") : "",
                        arena_printf(arena,
                                     say(l, "of /tables %s that its run wrote (removed, or "
                                            "written anew)"),
                                     md_count(l, arena, d->removed_tables, "table")));
  return text;
}

const char *missing_summary(Arena *arena, const ReportData *d) {
  const char *words = missing_words(arena, d);
  return *words ? arena_printf(arena,
                               say(d->language, "NOT IN THE FILE, and so not in the report: "
                                                "%s\n"),
                               words)
                : "";
}

static void write_missing(FILE *out, const ReportData *d, Arena scratch) {
  const char *words = missing_words(&scratch, d);
  if (*words)
    fprintf(out,
            say(d->language, "> **Warning.** Not in the file: %s. That nothing is said of it here "
                             "tells nothing of the run.\n\n"),
            words);
}

void write_warnings(FILE *out, const ReportData *d, Arena scratch) {
  const Language l = d->language;
  const char *inputs = sources_inputs(&scratch, d, false), *finite = finite_warning(&scratch, d);
  if (inputs)
    fprintf(out, say(l, "> **Not the same question.** %s.\n\n"), md_text(&scratch, inputs));
  fputs(undone_warning(&scratch, d), out);
  write_unused(out, d, scratch);
  write_repeated(out, d, scratch);
  write_unproved(out, d, scratch);
  write_missing(out, d, scratch);
  if (*finite) fprintf(out, say(l, "> **Warning.** %s\n\n"), finite);
}
