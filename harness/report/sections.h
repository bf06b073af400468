/* sections: the parts of report.md. Each writes what the data allow, under the heading that body.c
 * gives it; tables that are missing are said to be missing, or left out. */
#ifndef DS_REPORT_SECTIONS_H
#define DS_REPORT_SECTIONS_H
#include <stdbool.h>
#include <stdio.h>

#include "report/data.h"

void section_question(FILE *out, const ReportData *d, Arena scratch); /* question.c */
void write_warnings(FILE *out, const ReportData *d, Arena scratch);   /* warnings.c */
/* For the terminal: what a run writes and its file has not; a line, or "". */
const char *missing_summary(Arena *arena, const ReportData *d);        /* warnings.c */
void section_gates(FILE *out, const ReportData *d, Arena scratch);     /* gates.c */
void section_modes(FILE *out, const ReportData *d, Arena scratch);     /* witness.c */
void section_values(FILE *out, const ReportData *d, Arena scratch);    /* values.c */
void section_drift(FILE *out, const ReportData *d, Arena scratch);     /* layers.c */
void section_reference(FILE *out, const ReportData *d, Arena scratch); /* layers.c */
void section_findings(FILE *out, const ReportData *d, Arena scratch);  /* findings.c */
void section_events(FILE *out, const ReportData *d, Arena scratch);    /* events.c */
bool asked_events(const ReportData *d);                                /* events.c */
void section_clipping(FILE *out, const ReportData *d, Arena scratch);  /* clipping.c */
bool asked_clipping(const ReportData *d);                              /* clipping.c */
void section_budget(FILE *out, const ReportData *d, Arena scratch);    /* budget.c */
void section_swap(FILE *out, const ReportData *d, Arena scratch);      /* swap.c */
bool asked_swap(const ReportData *d);                                  /* swap.c */
void section_restore(FILE *out, const ReportData *d, Arena scratch);   /* restore.c */
bool asked_restore(const ReportData *d);                               /* restore.c */
void section_mend(FILE *out, const ReportData *d, Arena scratch);      /* mend.c */
bool asked_mend(const ReportData *d);                                  /* mend.c */
/* For the terminal: which scales to take, a line for each mode; "" where none is told to help. In
 * the arena. */
const char *mend_summary(Arena *arena, const ReportData *d);      /* mend.c */
void section_grid(FILE *out, const ReportData *d, Arena scratch); /* grid.c */
bool asked_grid(const ReportData *d);                             /* grid.c */
/* For the terminal: which alphas are told to be better than the calibration's, a line for each mode
 * and length, or that none is; "" where no other was tried. In the arena. */
const char *grid_summary(Arena *arena, const ReportData *d);            /* grid.c */
bool asked_budget(const ReportData *d);                                 /* budget.c */
void section_evaluation(FILE *out, const ReportData *d, Arena scratch); /* evaluation.c */
bool asked_evaluation(const ReportData *d);                             /* evaluation.c */
/* A part of section_evaluation. */
void write_predicted(FILE *out, const ReportData *d, Arena scratch);     /* predicted.c */
void section_tasks(FILE *out, const ReportData *d, Arena scratch);       /* tasks.c */
bool asked_tasks(const ReportData *d);                                   /* tasks.c */
void section_three_way(FILE *out, const ReportData *d, Arena scratch);   /* three_way.c */
bool asked_three_way(const ReportData *d);                               /* three_way.c */
void section_sources(FILE *out, const ReportData *d, Arena scratch);     /* sources.c */
bool asked_sources(const ReportData *d);                                 /* sources.c */
void section_cost(FILE *out, const ReportData *d, Arena scratch);        /* cost.c */
bool asked_cost(const ReportData *d);                                    /* cost.c */
void section_choice(FILE *out, const ReportData *d, Arena scratch);      /* cost.c */
bool asked_choice(const ReportData *d);                                  /* cost.c */
void section_health(FILE *out, const ReportData *d, Arena scratch);      /* run.c */
void section_performance(FILE *out, const ReportData *d, Arena scratch); /* run.c */
void section_micro(FILE *out, const ReportData *d, Arena scratch);       /* micro.c */
void section_state(FILE *out, const ReportData *d, Arena scratch);       /* state.c */
void section_reproduce(FILE *out, const ReportData *d, Arena scratch);   /* run.c */
/* Which mode for which need, in a line; "" where the run does not tell. In the arena. */
const char *choice_words(Arena *arena, const ReportData *d); /* cost.c */
/* A line for each gate, for the terminal; "" where there is none. In the arena. */
const char *gates_summary(Arena *arena, const ReportData *d); /* gates.c */
/* The gates that failed, in one line; NULL where all passed. */
const char *gates_failed(Arena *arena, const ReportData *d); /* gates.c */
/* The operators alone as a table for the terminal; "" where none ran. In the arena. */
const char *micro_summary(Arena *arena, const ReportData *d); /* micro_groups.c */
/* What is a bug: elements beyond their provable bound; NULL where there is none. */
const char *micro_broken(Arena *arena, const ReportData *d); /* micro_groups.c */
#endif
