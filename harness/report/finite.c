#include "report/finite.h"

#include <math.h>
#include <string.h>

#include "report/language.h"
#include "report/markdown.h"
#include "report/words.h"

/* --- what is not finite ----------------------------------------------------------------------- */

static int prompt_of(const ReportData *d, const char *name) {
  int at = 0;
  while (at < d->prompts && strcmp(d->prompt[at], name)) at++;
  return at;
}

static bool computed_before(const ReportData *d, const TensorStats *a, const TensorStats *b) {
  int prompt = prompt_of(d, a->prompt) - prompt_of(d, b->prompt);
  if (prompt) return prompt < 0;
  return a->layer != b->layer
             ? a->layer < b->layer
             : tensors_find(&d->traced, a->tensor) < tensors_find(&d->traced, b->tensor);
}

/* The first tensor, in the order of prompts and of computation, with a value that is not finite;
 * NULL: there is none. NaNs that quantisation turned into 0 are not in any tensor. */
static const TensorStats *first_tensor(const ReportData *d) {
  const TensorStats *first = NULL;
  for (size_t i = 0; i < d->tensors; i++)
    if (d->tensor[i].nonfinite > 0 && (!first || computed_before(d, &d->tensor[i], first)))
      first = &d->tensor[i];
  return first;
}

/* In how many tensors, and how many values. */
typedef struct Lost {
  const TensorStats *first;
  long values, tensors;
} Lost;

static Lost lost_values(const ReportData *d) {
  Lost lost = {first_tensor(d), 0, 0};
  for (size_t i = 0; i < d->tensors; i++) {
    lost.values += (long)d->tensor[i].nonfinite;
    lost.tensors += d->tensor[i].nonfinite > 0;
  }
  return lost;
}

static Lost lost_nans(const ReportData *d) {
  Lost lost = {NULL, 0, 0};
  for (size_t i = 0; i < d->tensors; i++) {
    const TensorStats *row = &d->tensor[i];
    lost.values += (long)row->q8_nans;
    lost.tensors += row->q8_nans > 0;
    if (row->q8_nans > 0 && (!lost.first || computed_before(d, row, lost.first))) lost.first = row;
  }
  return lost;
}

/* "812 ([3, 44])"; a file of an older program does not say which. */
static const char *element_of(Arena *arena, const TensorStats *row) {
  long at = (long)row->first_nonfinite, cols = row->cols > 0 ? row->cols : 1;
  return arena_printf(arena, "%ld ([%ld, %ld])", at, at / cols, at % cols);
}

static const char *who(const ReportData *d, Arena *arena, const TensorStats *row) {
  const Language l = d->language;
  if (data_source(d, row->mode)) return md_text(arena, row->mode);
  return data_is_reference(row->mode)
             ? say(l, "the float64 reference")
             : arena_printf(arena, say(l, "mode %s"), md_text(arena, row->mode));
}

static const char *warn_of_values(Arena *arena, const ReportData *d, const Lost *lost) {
  const TensorStats *row = lost->first;
  const char *place = words_place(arena, d, row->tensor, row->layer);
  if (row->first_nonfinite >= 0)
    place = arena_printf(arena, say(d->language, "%s, element %s"), place, element_of(arena, row));
  return arena_printf(
      arena,
      say(d->language,
          "Values are not finite. The first: %s, of %s, prompt %s. In all %s in %s: they are left "
          "out of the figures, and a figure that leaves values out says so."),
      place, who(d, arena, row), md_text(arena, row->prompt),
      md_count(d->language, arena, lost->values, "value"),
      md_count(d->language, arena, lost->tensors, "tensor"));
}

static const char *warn_of_nans(Arena *arena, const ReportData *d, const Lost *lost) {
  const TensorStats *row = lost->first;
  return arena_printf(
      arena,
      say(d->language, "Turned into 0 by quantisation: %s in %s, first in %s of %s, prompt %s."),
      md_count(d->language, arena, lost->values, "NaN"),
      md_count(d->language, arena, lost->tensors, "tensor"),
      words_place(arena, d, row->tensor, row->layer), who(d, arena, row),
      md_text(arena, row->prompt));
}

const char *finite_warning(Arena *arena, const ReportData *d) {
  Lost values = lost_values(d), nans = lost_nans(d);
  if (!values.first && !nans.first) return "";
  const char *text = values.first ? warn_of_values(arena, d, &values) : "";
  if (nans.first)
    text = arena_printf(
        arena, "%s%s", text,
        values.first ? arena_printf(arena, say(d->language, " %s"), warn_of_nans(arena, d, &nans))
                     : warn_of_nans(arena, d, &nans));
  return arena_printf(
      arena, "%s%s", text,
      say(d->language, " This alone does not change the exit status; with `--strict` it is 1."));
}

/* --- for the terminal ------------------------------------------------------------------------- */

static const char *place_plain(Arena *arena, const ReportData *d, const TensorStats *row) {
  const char *place = words_place_plain(arena, d, row->tensor, row->layer);
  if (row->first_nonfinite >= 0)
    place = arena_printf(arena, say(d->language, "%s, element %s"), place, element_of(arena, row));
  const bool is_mode = !data_is_reference(row->mode) && !data_source(d, row->mode);
  return arena_printf(arena, say(d->language, "%s, of %s%s (prompt %s)"), place,
                      is_mode ? say(d->language, "mode ") : "", words_plain(arena, row->mode),
                      words_plain(arena, row->prompt));
}

const char *finite_summary(Arena *arena, const ReportData *d) {
  const char *without = say(d->language, "no failure without --strict");
  Lost values = lost_values(d), nans = lost_nans(d);
  const char *text = "";
  if (values.first)
    text = arena_printf(
        arena, say(d->language, "NOT FINITE: first at %s; %s in %s, left out of all figures; %s\n"),
        place_plain(arena, d, values.first), md_count(d->language, arena, values.values, "value"),
        md_count(d->language, arena, values.tensors, "tensor"), without);
  if (nans.first)
    text = arena_printf(
        arena,
        say(d->language, "%sNOT FINITE: quantisation turned %s in %s into 0, first at %s; %s\n"),
        text, md_count(d->language, arena, nans.values, "NaN"),
        md_count(d->language, arena, nans.tensors, "tensor"), place_plain(arena, d, nans.first),
        without);
  return text;
}

const char *finite_failed(Arena *arena, const ReportData *d) {
  Lost values = lost_values(d), nans = lost_nans(d);
  if (values.first)
    return arena_printf(arena, say(d->language, "values are not finite, first at %s"),
                        place_plain(arena, d, values.first));
  if (nans.first)
    return arena_printf(arena, say(d->language, "quantisation turned NaNs into 0, first at %s"),
                        place_plain(arena, d, nans.first));
  return NULL;
}

/* --- figures that leave values out ------------------------------------------------------------ */

bool finite_whole(const Size *size) { return size->nonfinite == 0; }

static bool nothing_left(const Size *size) {
  return size->nonfinite > 0 && size->nonfinite == size->n;
}

static const char *share_left_out(Arena *arena, const Size *size) {
  return md_percent(arena, (double)size->nonfinite / (double)size->n);
}

const char *finite_size(Language l, Arena *arena, const Size *size) {
  if (nothing_left(size)) return say(l, "not defined: no value is finite on both sides");
  if (isnan(size->rel_l2) && !size->n) return say(l, "not known: it was not compared");
  if (isnan(size->rel_l2)) return say(l, "not defined: the first side is 0");
  const char *number = md_error(arena, size->rel_l2);
  if (size->nonfinite > 0)
    return arena_printf(
        arena,
        say(l, "%s (of the values that are finite on both sides: %lld of %lld, %s, are left out)"),
        number, (long long)size->nonfinite, (long long)size->n, share_left_out(arena, size));
  if (size->rel_l2 == 0)
    return arena_printf(arena, say(l, "%s (the sides differ in the sign of zeros alone)"), number);
  return number;
}

const char *finite_cell(Language l, Arena *arena, const Size *size) {
  if (size->identical && finite_whole(size)) return say(l, "identical");
  if (size->identical)
    return arena_printf(arena, say(l, "identical (%s not finite)"), share_left_out(arena, size));
  if (nothing_left(size)) return say(l, "not finite");
  const char *number = md_error(arena, size->rel_l2);
  return finite_whole(size)
             ? number
             : arena_printf(arena, say(l, "%s (%s left out)"), number, share_left_out(arena, size));
}

const char *finite_figure(Language l, Arena *arena, double x) {
  return isfinite(x) ? md_short(arena, x) : say(l, "not finite");
}

const char *finite_identical(Language l, Arena *arena, const Size *size) {
  return finite_whole(size) ? ""
                            : arena_printf(arena, say(l, " (%s of the values are not finite)"),
                                           share_left_out(arena, size));
}
