/* plots_events: tokens over layers, where an event is a vertical streak, and the map of the tensors
 * where it began. */
#include <math.h>
#include <string.h>

#include "report/figures.h"
#include "report/language.h"
#include "report/markdown.h"
#include "report/plots.h"
#include "report/words.h"

enum { LETTERS = 200 }; /* so many pieces of text can stand side by side */

/* gnuplot takes a label of one quote for none. */
static const char *label_text(Arena *arena, const char *piece) {
  return figure_text(arena, strcmp(piece, "'") ? words_plain(arena, piece) : "’");
}

/* The text above the tokens: each piece where they are few, else those of events. */
static void write_text(FILE *script, const ReportData *d, const ReportPair *pair,
                       const EventStrip *first, int pieces, Arena scratch) {
  for (int64_t i = data_first_of(&d->strip_by, pair); i >= 0; i = rows_by_next(&d->strip_by, i)) {
    const EventStrip *row = &d->event_strip[i];
    if (row->layer != first->layer) continue;
    Arena own = scratch;
    bool shown = pieces <= LETTERS;
    for (size_t e = 0; e < d->events && !shown; e++)
      shown = data_is_pair(pair, d->event[e].base, d->event[e].other) &&
              !strcmp(d->event[e].prompt, row->prompt) && d->event[e].token >= row->token &&
              d->event[e].token < (int64_t)row->token + row->tokens;
    if (shown)
      fprintf(script, "set label %s at first %d, graph 1.02 center font ',%d' front\n",
              label_text(&own, row->piece), row->token, pieces <= LETTERS ? 7 : 10);
  }
}

void plot_event_strip(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch) {
  const EventStrip *first = NULL;
  int pieces = 0;
  int64_t tokens = 0; /* of a file: sums of two may be beyond an int */
  bool any = false;
  for (int64_t i = data_first_of(&d->strip_by, pair); i >= 0; i = rows_by_next(&d->strip_by, i)) {
    const EventStrip *row = &d->event_strip[i];
    if (!first) first = row;
    if (row->layer == first->layer) pieces++;
    if ((int64_t)row->token + row->tokens > tokens) tokens = (int64_t)row->token + row->tokens;
    any |= row->error > 0;
  }
  if (!any) return;
  const char *caption = arena_printf(
      &scratch,
      say(d->language, "Relative error of each token of prompt %s in `block_out`, layer by layer, "
                       "%s: log10; its text stands above. What happens to every token is a "
                       "horizontal band, an event is a vertical streak."),
      md_text(&scratch, first->prompt), words_pair(d->language, &scratch, pair));
  if (!figure_begin(d->figures, out, figure_name(&scratch, "tokens", pair->base, pair->other),
                    caption, "event_strip", 380))
    return;
  FILE *script = d->figures->script;
  fputs("$strip << EOD\n", script);
  for (int64_t i = data_first_of(&d->strip_by, pair); i >= 0; i = rows_by_next(&d->strip_by, i)) {
    const EventStrip *row = &d->event_strip[i];
    fprintf(script, "%.1f %d", row->token + (row->tokens - 1) / 2.0, row->layer);
    figure_value(d->figures, row->error > 0 ? log10(row->error) : NAN, false);
    fputc('\n', script);
  }
  fputs("EOD\n", script);
  write_text(script, d, pair, first, pieces, scratch);
  fprintf(script,
          "set xlabel %s\nset ylabel %s\nset cblabel %s\nset xrange [-0.5:%lld.5]\nset yrange "
          "[%d.5:-0.5]\n",
          figure_text(&scratch, say(d->language, "token")),
          figure_text(&scratch, say(d->language, "layer")),
          figure_text(&scratch, say(d->language, "log10 relative error")), (long long)tokens - 1,
          d->layers - 1);
  figure_tics(d->figures, 'x', tokens);
  figure_tics(d->figures, 'y', d->layers);
  fputs("unset grid\nunset key\nset tmargin 2\nplot $strip using 1:2:3 with image\n", script);
}

/* One tensor of a pair's map. */
static void plot_map(FILE *out, const ReportData *d, const ReportPair *pair, const EventMap *first,
                     Arena scratch) {
  int64_t tokens = 0, channels = 0;
  for (int64_t i = data_first_of(&d->map_by, pair); i >= 0; i = rows_by_next(&d->map_by, i)) {
    const EventMap *m = &d->event_map[i];
    if (strcmp(m->tensor, first->tensor)) continue;
    if ((int64_t)m->token + m->tokens > tokens) tokens = (int64_t)m->token + m->tokens;
    if ((int64_t)m->channel + m->channels > channels) channels = (int64_t)m->channel + m->channels;
  }
  const char *caption = arena_printf(
      &scratch,
      say(d->language,
          "Largest difference of %s in layer %d of prompt %s by token and channel, %s, over the "
          "root mean square of the tensor; a square is %d tokens of %d channels."),
      md_code(&scratch, first->tensor), first->layer, md_text(&scratch, first->prompt),
      words_pair(d->language, &scratch, pair), first->tokens, first->channels);
  const char *name = figure_name(&scratch, arena_printf(&scratch, "map_%s", first->tensor),
                                 pair->base, pair->other);
  if (!figure_begin(d->figures, out, name, caption, "event_map", 380)) return;
  FILE *script = d->figures->script;
  fputs("$map << EOD\n", script);
  for (int64_t i = data_first_of(&d->map_by, pair); i >= 0; i = rows_by_next(&d->map_by, i)) {
    const EventMap *m = &d->event_map[i];
    if (strcmp(m->tensor, first->tensor)) continue;
    /* the squares of an image are alike, whole or not */
    fprintf(script, "%.1f %.1f", m->token + (first->tokens - 1) / 2.0,
            m->channel + (first->channels - 1) / 2.0);
    figure_value(d->figures, m->error, false);
    fputc('\n', script);
  }
  fputs("EOD\n", script);
  fprintf(script,
          "set xlabel %s\nset ylabel %s\nset cblabel %s\nset xrange [-0.5:%lld.5]\nset yrange "
          "[-0.5:%lld.5]\n",
          figure_text(&scratch, say(d->language, "token")),
          figure_text(&scratch, say(d->language, "channel")),
          figure_text(&scratch, say(d->language, "difference / RMS")), (long long)tokens - 1,
          (long long)channels - 1);
  figure_tics(d->figures, 'x', tokens);
  figure_tics(d->figures, 'y', channels);
  fputs("unset grid\nunset key\nplot $map using 1:2:3 with image\n", script);
}

void plot_event_map(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch) {
  enum { MAPS = 2 }; /* of a pair, as trace_run leaves them */
  const EventMap *before = NULL;
  int drawn = 0;
  for (int64_t i = data_first_of(&d->map_by, pair); i >= 0 && drawn < MAPS;
       i = rows_by_next(&d->map_by, i)) {
    const EventMap *m = &d->event_map[i];
    if (before && !strcmp(before->tensor, m->tensor)) continue;
    plot_map(out, d, pair, m, scratch);
    before = m;
    drawn++;
  }
}

/* A repaired event of the pair: its rows of all layers. */
static const RepairLayer *repair_at(const ReportData *d, const Repair *r, int layer) {
  for (size_t i = 0; i < d->repair_layers; i++) {
    const RepairLayer *row = &d->repair_layer[i];
    if (row->at_layer == layer && row->layer == r->layer && row->token == r->token &&
        row->channel == r->channel && row->event_token == r->event_token &&
        !strcmp(row->base, r->base) && !strcmp(row->other, r->other) &&
        !strcmp(row->prompt, r->prompt) && !strcmp(row->tensor, r->tensor) &&
        !strcmp(row->repaired, r->repaired))
      return row;
  }
  return NULL;
}

void plot_repairs(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch) {
  enum { LINES = 4 };
  const Repair *drawn[LINES];
  int count = 0;
  bool any = false;
  /* of one prompt, whose curve is the one as it is */
  for (size_t i = 0; i < d->repairs && count < LINES; i++)
    if (data_is_pair(pair, d->repair[i].base, d->repair[i].other) &&
        (count == 0 || !strcmp(d->repair[i].prompt, drawn[0]->prompt)))
      drawn[count++] = &d->repair[i];
  for (int layer = 0; count && layer < d->layers; layer++) {
    const RepairLayer *row = repair_at(d, drawn[0], layer);
    any |= row && row->rel_l2 > 0;
  }
  if (!any) return;
  const char *caption =
      arena_printf(&scratch,
                   say(d->language, "Relative L2 of `block_out` over the layers, %s, prompt %s: as "
                                    "it is, and with one value repaired."),
                   words_pair(d->language, &scratch, pair), md_text(&scratch, drawn[0]->prompt));
  if (!figure_begin(d->figures, out, figure_name(&scratch, "repairs", pair->base, pair->other),
                    caption, "repair_layers", 420))
    return;
  FILE *script = d->figures->script;
  fputs("$repairs << EOD\n", script);
  for (int layer = 0; layer < d->layers; layer++) {
    const RepairLayer *plain = repair_at(d, drawn[0], layer);
    fprintf(script, "%d", layer);
    figure_value(d->figures, plain ? plain->rel_l2 : NAN, true);
    for (int r = 0; r < count; r++) {
      const RepairLayer *row = repair_at(d, drawn[r], layer);
      figure_value(d->figures, row ? row->rel_l2_after : NAN, true);
    }
    fputc('\n', script);
  }
  fputs("EOD\n", script);
  plot_layer_axes(script, d, say(d->language, "relative L2"), scratch);
  fputs("set key below horizontal maxcols 2\n", script);
  fprintf(script, "plot $repairs using 1:2 with linespoints lt 1 title %s",
          figure_text(&scratch, say(d->language, "as it is")));
  for (int r = 0; r < count; r++)
    fprintf(script, ", $repairs using 1:%d with linespoints lt %d title %s", r + 3, r + 2,
            figure_text(&scratch,
                        arena_printf(&scratch, say(d->language, "layer %d: %s[%d, %d] repaired"),
                                     drawn[r]->layer, words_plain(&scratch, drawn[r]->tensor),
                                     drawn[r]->token, drawn[r]->channel)));
  fputc('\n', script);
}
