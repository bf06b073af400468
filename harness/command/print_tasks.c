#include "command/print_tasks.h"

#include <math.h>
#include <string.h>

#include "base/number.h"

static void print_share(FILE *out, double share, double low, double high) {
  char text[48] = "–";
  if (!isnan(share))
    snprintf(text, sizeof text, "%.2f %% (%.2f … %.2f)", 100 * share, 100 * low, 100 * high);
  fprintf(out, "%-*s ", isnan(share) ? 28 : 27, text);
}

static void print_score(FILE *out, const TaskScore *s) {
  fprintf(out, "%-12s ", s->mode);
  print_share(out, s->acc, s->acc_low, s->acc_high);
  print_share(out, s->acc_norm, s->acc_norm_low, s->acc_norm_high);
  if (isnan(s->perplexity))
    fprintf(out, "–");
  else
    fprintf(out, "%.4f", s->perplexity);
  if (s->left_out) fprintf(out, "  (%d left out: a logit is not finite)", s->left_out);
  if (s->truncated) fprintf(out, "  (%d cut on the left)", s->truncated);
  fputc('\n', out);
}

static void print_pair(FILE *out, const TaskPair *p) {
  fprintf(out, "%s right more often than %s? ", p->other, p->base);
  if (!strcmp(p->answer, "identical")) {
    fprintf(out, "no: right and wrong in the same samples\n");
    return;
  }
  fprintf(out, "%s: %d right in %s alone, %d in %s alone, p %.2g",
          !strcmp(p->answer, "undecided") ? "cannot tell"
          : !strcmp(p->answer, "better")  ? "yes"
                                          : "no, less often",
          p->other_only, p->other, p->base_only, p->base, p->p);
  if (!strcmp(p->answer, "undecided") && !isnan(p->samples_needed))
    fprintf(out, "; about %.0f samples would tell", p->samples_needed);
  fputc('\n', out);
}

void print_tasks(FILE *out, const TaskRows *rows) {
  const char *task = "";
  for (int i = 0; i < rows->scores; i++) {
    const TaskScore *first = &rows->score[i];
    if (!strcmp(first->task, task)) continue;
    task = first->task;
    fprintf(out, "%s%s: %d sample%s; papers give %s\n%-12s %-27s %-27s %s\n", i ? "\n" : "", task,
            first->samples, plural(first->samples), first->headline, "mode", "acc", "acc_norm",
            "perplexity");
    for (int s = i; s < rows->scores && !strcmp(rows->score[s].task, task); s++)
      print_score(out, &rows->score[s]);
    for (int p = 0; p < rows->pairs; p++)
      if (!strcmp(rows->pair[p].task, task) && !strcmp(rows->pair[p].metric, first->headline))
        print_pair(out, &rows->pair[p]);
  }
}
