/* body: the sections of report.md, one after another. */
#include "report/body.h"

#include "report/sections.h"

void body_write(FILE *out, const ReportData *d, Arena scratch) {
  section_question(out, d, scratch);
  section_modes(out, d, scratch);
  section_values(out, d, scratch);
  section_drift(out, d, scratch);
  section_reference(out, d, scratch);
  section_findings(out, d, scratch);
  section_health(out, d, scratch);
  section_performance(out, d, scratch);
  section_reproduce(out, d, scratch);
}
