/* plots: what each figure of the report shows. Each writes its reference into the report, or
 * nothing where there are no figures or nothing to draw. */
#ifndef DS_REPORT_PLOTS_H
#define DS_REPORT_PLOTS_H
#include <stdio.h>

#include "report/clipping.h"
#include "report/data.h"

/* Relative L2 of the followed tensors over the layers; over several prompts a band from the
 * smallest to the largest. */
void plot_drift(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch);
/* log10 of the relative L2, layer by tensor. */
void plot_heat(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch);
/* The first screen: curves of at most four pairs, the median token's with its band and that of all
 * tokens; or every two modes at the last layer. plots_answer.c */
void plot_answer(FILE *out, const ReportData *d, Arena scratch);
void plot_matrix(FILE *out, const ReportData *d, Arena scratch);
/* The error that is drawn: the median token's; in a file that has none, the relative L2. */
double plot_error(const Drift *row);
/* Behind the data, whose range it takes. */
void plot_layer_axes(FILE *script, const ReportData *d, const char *ylabel, Arena scratch);
/* Error of block_out against the reference over the layers, a line for each mode. */
void plot_reference(FILE *out, const ReportData *d, Arena scratch);
/* Error of every token over the layers, of the prompt with the pair's largest event, with its text
 * along it. plots_events.c */
void plot_event_strip(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch);
/* The difference by token and channel of the tensors that this event was traced through.
 * plots_events.c */
void plot_event_map(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch);
/* The pair's error over the layers as it is and with single values repaired. plots_events.c */
void plot_repairs(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch);
/* Share of the squared error beyond the grid's end by layer, a line for each of the first six
 * tensors with more than 1 %; whether anything was drawn. plots_clipping.c */
bool plot_clipping(FILE *out, const ReportData *d, const char *mode, const GridTensor *tensor,
                   int tensors, Arena scratch);
/* RMS error of the scan's state over the tokens, a line for each of the longest runs,
 * at most eight. */
void plot_state(FILE *out, const ReportData *d, Arena scratch);
/* Local, inherited and interaction of every layer, stacked; row [layers], means over prompts; NULL:
 * none. plots_budget.c */
void plot_budget(FILE *out, const ReportData *d, const ReportPair *pair,
                 const BudgetLayer *const *row, int layers, Arena scratch);
/* KL of every point of the grid, else its error, over the alphas; where there is one alone, over
 * the lengths. plots_grid.c */
void plot_grid(FILE *out, const ReportData *d, Arena scratch);
/* KL divergence from float64 against the time of a prefill of `length` tokens, a point a mode.
 * plots_choice.c */
void plot_choice(FILE *out, const ReportData *d, int length, Arena scratch);

#endif
