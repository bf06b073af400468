/* body: the title, then the sections of report.md one after another, numbered as they come. */
#include "report/body.h"

#include "report/figures.h"
#include "report/language.h"
#include "report/markdown.h"
#include "report/retold.h"
#include "report/sections.h"

static bool has_micro(const ReportData *d) { return d->micros > 0; }
static bool has_gates(const ReportData *d) { return d->gates > 0; }
static bool has_state(const ReportData *d) { return d->state_drifts > 0; }
/* The operators may have run alone, without the model. */
static bool has_run(const ReportData *d) {
  return d->tensors > 0 || d->pair_rows > 0 || d->micros == 0;
}

/* Not where every side was made elsewhere. */
static bool has_modes(const ReportData *d) {
  return has_run(d) && (d->modes > 0 || d->sources == 0);
}

/* A section that not every run has says by `asked` whether this one does. */
static const struct {
  const char *heading;
  void (*write)(FILE *out, const ReportData *d, Arena scratch);
  bool (*asked)(const ReportData *d);
} sections[] = {
    {WORD("The question and the answer"), section_question, NULL},
    {WORD("Gates"), section_gates, has_gates},
    {WORD("Tensors made elsewhere"), section_sources, asked_sources},
    {WORD("The modes side by side"), section_modes, has_modes},
    {WORD("Statistics of the first and the last layer"), section_values, has_run},
    {WORD("Drift over the layers"), section_drift, has_run},
    {WORD("Every mode against the float64 reference"), section_reference, has_modes},
    {WORD("Against a third"), section_three_way, asked_three_way},
    {WORD("What the numbers show"), section_findings, has_run},
    {WORD("Single tokens and the values that made them"), section_events, asked_events},
    {WORD("Clipping and rounding"), section_clipping, asked_clipping},
    {WORD("Error budget"), section_budget, asked_budget},
    {WORD("Stage swaps"), section_swap, asked_swap},
    {WORD("The layers that matter"), section_restore, asked_restore},
    {WORD("What would mend it"), section_mend, asked_mend},
    {WORD("Over alphas and lengths"), section_grid, asked_grid},
    {WORD("How well each mode predicts"), section_evaluation, asked_evaluation},
    {WORD("Tasks"), section_tasks, asked_tasks},
    {WORD("What each mode costs"), section_cost, asked_cost},
    {WORD("Which mode for which need"), section_choice, asked_choice},
    {WORD("Operators alone"), section_micro, has_micro},
    {WORD("The scan's state over time"), section_state, has_state},
    {WORD("Scales and values that are not finite"), section_health, has_run},
    {WORD("Time and memory"), section_performance, has_run},
    {WORD("How to reproduce"), section_reproduce, NULL},
};

void body_write(FILE *out, const ReportData *d, Arena scratch) {
  fprintf(out, "# %s\n\n",
          d->about[ABOUT_TITLE]
              ? md_text(&scratch, retold_title(d->language, &scratch, d->about[ABOUT_TITLE]))
              : say(d->language, "driftscope report"));
  if (d->figures && !d->figures->script)
    fputs(say(d->language, "No gnuplot was found on this machine: the report has tables only.\n\n"),
          out);
  int number = 0;
  for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
    if (sections[i].asked && !sections[i].asked(d)) continue;
    fprintf(out, "## %d. %s\n\n", ++number, say(d->language, sections[i].heading));
    sections[i].write(out, d, scratch);
  }
}
