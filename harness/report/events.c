#include "report/events.h"

#include <math.h>

#include "measure/events.h"
#include "report/event_words.h"
#include "report/language.h"
#include "report/markdown.h"
#include "report/plots.h"
#include "report/sections.h"
#include "report/shapes.h"
#include "report/words.h"

enum { TOLD = 3, LISTED = 12 }; /* events told in words, and listed in a table, of a pair */

/* --- rows ------------------------------------------------------------------------------------- */

/* The event of this rank; NULL where there is none. */
static const Event *event_of(const ReportData *d, const ReportPair *pair, int rank) {
  for (size_t i = 0; i < d->events; i++)
    if (d->event[i].rank == rank && data_is_pair(pair, d->event[i].base, d->event[i].other))
      return &d->event[i];
  return NULL;
}

/* How many events a pair has, and the largest of them; NULL where there is none. */
static int count_events(const ReportData *d, const ReportPair *pair, const Event **largest) {
  int count = 0;
  *largest = NULL;
  for (size_t i = 0; i < d->events; i++) {
    const Event *e = &d->event[i];
    if (!data_is_pair(pair, e->base, e->other)) continue;
    if (!*largest || e->rank < (*largest)->rank)
      *largest = e; /* a file may rank none as the first */
    count++;
  }
  return count;
}

/* "1.9 % in layer 0, 5.2 % in layer 16, 4.0 % in layer 23: rises to layer 16 and falls back" */
static const char *typical_words(const EventStyle *s, const DriftShape *shape) {
  const Language l = s->d->language;
  Arena *a = s->arena;
  const char *name = shapes_name(l, a, shape);
  if (isnan(shape->growth)) return name;
  const char *peak = shape->peak_layer > shape->first_layer && shape->peak_layer < shape->last_layer
                         ? arena_printf(a, say(l, ", %s in layer %d"),
                                        md_error(a, shape->first * shape->rise), shape->peak_layer)
                         : "";
  return arena_printf(a, say(l, "%s in layer %d%s, %s in layer %d: %s"), md_error(a, shape->first),
                      shape->first_layer, peak, md_error(a, shape->last), shape->last_layer, name);
}

static const char *count_words(const EventStyle *s, int count) {
  return count == 1 ? say(s->d->language, "1 event")
                    : arena_printf(s->arena, say(s->d->language, "%d events"), count);
}

/* A file without these tables says nothing of events. */
static bool is_known(const ReportData *d, const ReportPair *pair) {
  return data_first_of(&d->strip_by, pair) >= 0;
}

const char *events_cause(Arena *arena, const ReportData *d, const ReportPair *pair) {
  const EventStyle s = {d, arena, false};
  const Event *e;
  const int count = count_events(d, pair, &e);
  const Repair *repair = e ? event_maker(d, e) : NULL;
  if (!repair) return "";
  return arena_printf(
      arena, say(d->language, "%s; repaired, layer %d goes from %s to %s%s"),
      event_element_words(&s, e), repair->layer, md_error(arena, repair->rel_l2),
      md_error(arena, repair->rel_l2_after),
      count > 1
          ? arena_printf(arena, say(d->language, " (of %d events the heaviest beside its layer)"),
                         count)
          : "");
}

static const char *pair_summary(Arena *arena, const ReportData *d, const ReportPair *pair) {
  const EventStyle s = {d, arena, true};
  const Event *e;
  const int count = count_events(d, pair, &e);
  if (count == 0) return "";
  return arena_printf(arena,
                      say(d->language, "%s against %s: %s; the heaviest beside its layer: %s has "
                                       "%s of layer %d's squared error%s\n"),
                      words_plain(arena, pair->base), words_plain(arena, pair->other),
                      count_words(&s, count), event_token(&s, e), md_share(arena, e->share),
                      e->layer, event_brief_cause(&s, e));
}

const char *events_summary(Arena *arena, const ReportData *d) {
  const char *lines = "";
  int told = 0;
  for (int i = 0; i < d->againsts + d->pairs && told < TOLD; i++) {
    const ReportPair *pair = i < d->againsts ? &d->against[i] : &d->pair[i - d->againsts];
    bool twice =
        i >= d->againsts && (data_is_reference(pair->base) || data_is_reference(pair->other));
    const char *line = twice ? "" : pair_summary(arena, d, pair);
    told += *line != 0;
    lines = arena_printf(arena, "%s%s", lines, line);
  }
  return lines;
}

/* --- the section ------------------------------------------------------------------------------ */

static void write_table(FILE *out, const ReportData *d, const ReportPair *pair, int count,
                        Arena scratch) {
  const Language l = d->language;
  const EventStyle s = {d, &scratch, false};
  Grid grid = grid_new(&scratch, "rllrrrrlrrrr");
  static const char *const head[] = {WORD("token"),     WORD("its text"),   WORD("prompt"),
                                     WORD("layer"),     WORD("last"),       WORD("share"),
                                     WORD("its error"), WORD("element"),    WORD("there"),
                                     WORD("here"),      WORD("grid's end"), WORD("removed")};
  grid_head(l, &grid, head);
  for (int rank = 1; rank <= count && rank <= LISTED; rank++) {
    const Event *e = event_of(d, pair, rank);
    if (!e) continue;
    const Repair *repair = event_repair(d, e);
    grid_add(&grid, arena_printf(&scratch, "%d", e->token));
    grid_add(&grid, md_text(&scratch, e->context));
    grid_add(&grid, md_text(&scratch, e->prompt));
    grid_add(&grid, arena_printf(&scratch, "%d", e->layer));
    grid_add(&grid, arena_printf(&scratch, "%d", e->last_layer));
    grid_add(&grid, md_share(&scratch, e->share));
    grid_add(&grid, md_error(&scratch, e->error));
    grid_add(&grid,
             *e->tensor ? event_element(&s, e->tensor, e->element_token, e->element_channel) : "—");
    grid_add(&grid, event_number(&s, e->value_to));
    grid_add(&grid, event_number(&s, e->value));
    grid_add(&grid, event_number(&s, e->grid_end));
    grid_add(&grid, repair && !isnan(repair->removed) ? md_share(&scratch, fmax(repair->removed, 0))
                                                      : "—");
  }
  grid_write(&grid, out);
}

/* Tokens of the longest prompt; 0 where that is not known. */
static int64_t longest_prompt(const ReportData *d) {
  int64_t most = 0;
  for (int p = 0; p < d->prompts; p++) {
    const TensorStats *row = data_tensor(d, d->prompt[p], NULL, data_role(d, ROLE_BLOCK_OUT), 0);
    if (!row) return 0;
    if (row->rows > most) most = row->rows;
  }
  return most;
}

static void write_none(FILE *out, const ReportData *d, const EventPlan *plan, Arena scratch) {
  const Language l = d->language;
  const int64_t tokens = longest_prompt(d);
  if (tokens > 0 && tokens <= EVENT_EVEN)
    fprintf(out,
            say(l, "- **No event can be**: a token would need more than three tokens' even share "
                   "of a layer's squared error, and no prompt has more than %s.\n\n"),
            md_count(l, &scratch, (long)tokens, "token"));
  else
    fprintf(out,
            say(l, "- **No event**: no token has more than %s of a layer's squared error and more "
                   "than three tokens' even share of it.\n\n"),
            md_share(&scratch, plan->share));
}

static void write_pair(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch) {
  const Language l = d->language;
  const EventStyle s = {d, &scratch, false};
  const Event *largest;
  const int count = count_events(d, pair, &largest);
  const DriftShape *shape = data_shape(d, pair, data_role(d, ROLE_BLOCK_OUT));
  const EventPlan plan = spec_events(d->about[ABOUT_SPEC_EFFECTIVE], scratch);
  fprintf(out, "### %s\n\n", words_pair(l, &scratch, pair));
  if (shape) fprintf(out, say(l, "- **Typical tokens**: %s.\n"), typical_words(&s, shape));
  if (count == 0) {
    write_none(out, d, &plan, scratch);
    return;
  }
  fprintf(out,
          say(l, "- **%s**: a token with more than %s of a layer's squared error of `block_out`, "
                 "and with more than three tokens' even share of it.\n"),
          count_words(&s, count), md_share(&scratch, plan.share));
  for (int rank = 1; rank <= count && rank <= TOLD; rank++) {
    const Event *e = event_of(d, pair, rank);
    if (e) fprintf(out, say(l, "- %s. %s.\n"), event_words(&s, e), event_cause(&s, e));
  }
  fputc('\n', out);
  write_table(out, d, pair, count, scratch);
  if (count > LISTED)
    fprintf(out, say(l, "The %d largest of %d; all of them in tables/events.csv.\n\n"), LISTED,
            count);
}

/* In either order: what stands out of the one stands out of the other. */
static bool same_two(const ReportPair *a, const ReportPair *b) {
  return data_is_pair(a, b->base, b->other) || data_is_pair(a, b->other, b->base);
}

/* Elements that the spec names. */
static void write_asked(FILE *out, const ReportData *d, Arena scratch) {
  const EventStyle s = {d, &scratch, false};
  bool any = false;
  for (size_t i = 0; i < d->repairs; i++) {
    const Repair *r = &d->repair[i];
    if (!r->asked) continue;
    const TwoNumbers two = event_two_numbers(&s, r->value, r->value_to);
    any = true;
    fprintf(out,
            say(d->language,
                "- **%s, asked for**: %s of layer %d of prompt %s is %s in %s and %s in %s; %s.\n"),
            md_text(&scratch, r->repaired), event_element(&s, r->tensor, r->token, r->channel),
            r->layer, md_text(&scratch, r->prompt), two.a, md_text(&scratch, r->repaired), two.b,
            md_text(&scratch, r->to), event_repair_words(&s, r));
  }
  if (any) fputc('\n', out);
}

bool asked_events(const ReportData *d) { return d->event_strips > 0 || d->repairs > 0; }

void section_events(FILE *out, const ReportData *d, Arena scratch) {
  fputs(say(d->language,
            "What happens to every token (rounding, which bits mend) and what happens to one (a "
            "value clipped, which a scale mends) are two things. The first is the median token's; "
            "the second are events. An event is traced back through its layer by setting one "
            "element after another to the other side's value; that a value made it is said only "
            "where the whole run was made again with that value repaired.\n\n"),
        out);
  write_asked(out, d, scratch);
  for (int i = 0; i < d->pairs + d->againsts; i++) {
    const ReportPair *pair = i < d->pairs ? &d->pair[i] : &d->against[i - d->pairs];
    bool twice = false;
    for (int k = 0; k < d->pairs && i >= d->pairs; k++) twice |= same_two(&d->pair[k], pair);
    if (twice || !is_known(d, pair)) continue;
    write_pair(out, d, pair, scratch);
    plot_event_strip(out, d, pair, scratch);
    plot_repairs(out, d, pair, scratch);
    plot_event_map(out, d, pair, scratch);
  }
}
