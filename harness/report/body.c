/* body: the title, then the sections of report.md one after another, numbered as they come. */
#include "report/body.h"

#include "report/markdown.h"
#include "report/sections.h"

/* A section that not every run has says by `asked` whether this one does. */
static const struct {
  const char *heading;
  void (*write)(FILE *out, const ReportData *d, Arena scratch);
  bool (*asked)(const ReportData *d);
} sections[] = {
    {"The question and the answer", section_question, NULL},
    {"The modes side by side", section_modes, NULL},
    {"Statistics of the first and the last layer", section_values, NULL},
    {"Drift over the layers", section_drift, NULL},
    {"Every mode against the float64 reference", section_reference, NULL},
    {"What the numbers show", section_findings, NULL},
    {"Error budget", section_budget, asked_budget},
    {"Scales and values that are not finite", section_health, NULL},
    {"Time and memory", section_performance, NULL},
    {"How to reproduce", section_reproduce, NULL},
};

void body_write(FILE *out, const ReportData *d, Arena scratch) {
  fprintf(out, "# %s\n\n", d->about[ABOUT_TITLE] ? md_text(&scratch, d->about[ABOUT_TITLE]) : "driftscope report");
  int number = 0;
  for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
    if (sections[i].asked && !sections[i].asked(d)) continue;
    fprintf(out, "## %d. %s\n\n", ++number, sections[i].heading);
    sections[i].write(out, d, scratch);
  }
}
