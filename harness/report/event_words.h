/* event_words: what is said of one event: what it is, the value that made it, and what its repair
 * changed. "Made it" is said only where the element was repaired, with what went with it. */
#ifndef DS_REPORT_EVENT_WORDS_H
#define DS_REPORT_EVENT_WORDS_H
#include "report/data.h"

/* The repair of the element that it was traced to; NULL where it was not repaired. */
const Repair *event_repair(const ReportData *d, const Event *e);
/* The same where that value made it: half the token's squared error is gone with it. */
const Repair *event_maker(const ReportData *d, const Event *e);

/* Names stand as Markdown in the report, and plain on the terminal. */
typedef struct EventStyle {
  const ReportData *d;
  Arena *arena;
  bool plain;
} EventStyle;

const char *event_number(const EventStyle *s, double x); /* "—" where it is none */
/* Two values that stand side by side: with as many digits as tell them apart, nine at most. */
typedef struct TwoNumbers {
  const char *a, *b;
} TwoNumbers;
TwoNumbers event_two_numbers(const EventStyle *s, double a, double b);

/* "`conv1d_silu[68, 218]`" */
const char *event_element(const EventStyle *s, const char *tensor, int token, int channel);
/* "token 68 (“m”)" */
const char *event_token(const EventStyle *s, const Event *e);
/* What it is: "token 68 (“m”) of address: from layer 1 on, with 82 % of its squared error …" */
const char *event_words(const EventStyle *s, const Event *e);
/* "`conv1d_silu[68, 218]` is 12.4 in fp64 and clipped in 2-0, where the grid ends at 10.1" */
const char *event_element_words(const EventStyle *s, const Event *e);
/* "with this one value repaired 96 % of the token's squared error is gone, the relative L2 of layer
 * 1 goes from …" */
const char *event_repair_words(const EventStyle *s, const Repair *r);
/* Why it is, in a sentence; and in short, behind another, "" where it was not traced. */
const char *event_cause(const EventStyle *s, const Event *e);
const char *event_brief_cause(const EventStyle *s, const Event *e);
#endif
