#include "report/events.h"

#include <math.h>
#include <string.h>

#include "measure/events.h"
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

int events_count(const ReportData *d, const ReportPair *pair, const Event **largest) {
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

/* Of the element that an event was traced to; NULL where it was not repaired. */
static const Repair *repair_of(const ReportData *d, const Event *e) {
  for (size_t i = 0; i < d->repairs; i++) {
    const Repair *r = &d->repair[i];
    if (!strcmp(r->base, e->base) && !strcmp(r->other, e->other) && !strcmp(r->prompt, e->prompt) &&
        r->layer == e->grown_layer && !strcmp(r->tensor, e->tensor) &&
        r->token == e->element_token && r->channel == e->element_channel &&
        r->event_token == e->token)
      return r;
  }
  return NULL;
}

/* --- words ------------------------------------------------------------------------------------ */

/* Names stand as Markdown in the report, and plain on the terminal. */
typedef struct Style {
  const ReportData *d;
  Arena *arena;
  bool plain;
} Style;

static const char *code(const Style *s, const char *text) {
  return s->plain ? words_plain(s->arena, text) : md_code(s->arena, text);
}
static const char *text(const Style *s, const char *name) {
  return s->plain ? words_plain(s->arena, name) : md_text(s->arena, name);
}
static const char *digits(const Style *s, double x, int count) {
  return isnan(x) ? "—" : arena_printf(s->arena, "%#.*g", count, x);
}
static const char *number(const Style *s, double x) { return digits(s, x, 4); }

/* Two values that stand side by side: with as many digits as tell them apart, nine at most. */
typedef struct Two {
  const char *a, *b;
} Two;
static Two two_numbers(const Style *s, double a, double b) {
  Two two = {number(s, a), number(s, b)};
  for (int count = 5; count <= 9 && a != b && !strcmp(two.a, two.b); count++)
    two = (Two){digits(s, a, count), digits(s, b, count)};
  return two;
}

/* "`conv1d_silu[68, 218]`" */
static const char *element(const Style *s, const char *tensor, int token, int channel) {
  return code(s, arena_printf(s->arena, "%s[%d, %d]", tensor, token, channel));
}

/* A piece between quotation marks, where no one would see that it begins or ends with spaces. */
static const char *piece_words(const Style *s, const char *piece) {
  size_t length = strlen(piece), begin = strspn(piece, " "), end = length;
  while (end > begin && piece[end - 1] == ' ') end--;
  const char *shown = "";
  for (size_t i = 0; i < begin; i++) shown = arena_printf(s->arena, "%s␣", shown);
  shown = arena_printf(s->arena, "%s%s", shown,
                       text(s, arena_printf(s->arena, "%.*s", (int)(end - begin), piece + begin)));
  for (size_t i = end; i < length; i++) shown = arena_printf(s->arena, "%s␣", shown);
  return shown;
}

static const char *token_words(const Style *s, const Event *e) {
  if (!*e->piece) return arena_printf(s->arena, say(s->d->language, "token %d"), e->token);
  return arena_printf(s->arena, say(s->d->language, "token %d (“%s”)"), e->token,
                      piece_words(s, e->piece));
}

static const char *until_words(const Style *s, const Event *e) {
  if (e->healed_layer < 0)
    return e->last_layer == e->layer ? "" : say(s->d->language, "; it lasts to the end");
  if (e->last_layer == e->layer) return say(s->d->language, "; in this layer alone");
  return arena_printf(s->arena, say(s->d->language, "; from layer %d on it is below that again"),
                      e->healed_layer);
}

/* What the event is: "token 68 (“m”) has 82 % of layer 1's squared error, …" */
static const char *event_words(const Style *s, const Event *e) {
  return arena_printf(s->arena,
                      say(s->d->language, "%s of %s: from layer %d on, with %s of its squared "
                                          "error (its error is %s, the median token's %s)%s"),
                      token_words(s, e), text(s, e->prompt), e->layer, md_share(s->arena, e->share),
                      md_error(s->arena, e->error), md_error(s->arena, e->error_median),
                      until_words(s, e));
}

static const char *element_words(const Style *s, const Event *e) {
  const Language l = s->d->language;
  const char *where = element(s, e->tensor, e->element_token, e->element_channel);
  if (e->clipped)
    return arena_printf(
        s->arena, say(l, "%s is %s in %s and clipped in %s, where the grid ends at %s"), where,
        number(s, e->value_to), text(s, e->to), text(s, e->repaired), number(s, e->grid_end));
  const Two two = two_numbers(s, e->value_to, e->value);
  return arena_printf(s->arena, say(l, "%s is %s in %s and %s in %s"), where, two.a, text(s, e->to),
                      two.b, text(s, e->repaired));
}

static const char *made_words(const Style *s, const Event *e) {
  if (!*e->made) return "";
  const Two two = two_numbers(s, e->made_value, e->made_to);
  return arena_printf(s->arena, say(s->d->language, "; behind it %s is %s in place of %s"),
                      element(s, e->made, e->token, e->made_channel), two.a, two.b);
}

/* Of the token's squared error, of which there may be none. */
static const char *removed_words(const Style *s, const Repair *r) {
  const Language l = s->d->language;
  if (isnan(r->removed)) return say(l, "the token has no error");
  if (r->removed < 0)
    return arena_printf(s->arena, say(l, "the token's squared error grows by %s"),
                        md_share(s->arena, -r->removed));
  return arena_printf(s->arena, say(l, "%s of the token's squared error is gone"),
                      md_share(s->arena, r->removed));
}

/* "with this one value repaired 96 % of the token's squared error is gone, the relative L2 of layer
 * 1 goes from …" */
static const char *repair_words(const Style *s, const Repair *r) {
  const Language l = s->d->language;
  if (r->rel_l2 == r->rel_l2_after && r->last_rel_l2 == r->last_rel_l2_after &&
      r->logits_rel_l2 == r->logits_rel_l2_after)
    return say(l, "with this one value repaired none of the errors changes");
  return arena_printf(
      s->arena,
      say(l,
          "with this one value repaired %s, the relative L2 of layer %d goes from %s to %s, of the "
          "last block_out from %s to %s, and of the logits from %s to %s"),
      removed_words(s, r), r->layer, md_error(s->arena, r->rel_l2),
      md_error(s->arena, r->rel_l2_after), md_error(s->arena, r->last_rel_l2),
      md_error(s->arena, r->last_rel_l2_after), md_error(s->arena, r->logits_rel_l2),
      md_error(s->arena, r->logits_rel_l2_after));
}

/* Why an event is: only a repaired element is said to have made it. */
static const char *cause_words(const Style *s, const Event *e) {
  const Language l = s->d->language;
  const Repair *repair = repair_of(s->d, e);
  if (!*e->origin) return say(l, "It was not traced");
  if (repair && repair->removed >= 0.5)
    return arena_printf(s->arena, say(l, "%s%s; %s"), element_words(s, e), made_words(s, e),
                        repair_words(s, repair));
  if (!*e->tensor)
    return arena_printf(s->arena,
                        say(l, "No single element explains it: in layer %d none stands out"),
                        e->grown_layer);
  return arena_printf(s->arena,
                      say(l,
                          "No single element explains it: of layer %d run again with the one "
                          "that comes nearest, %s, set to the other side's value, %s of it goes"),
                      e->grown_layer, element(s, e->tensor, e->element_token, e->element_channel),
                      md_share(s->arena, fmax(e->removed, 0)));
}

/* "1.9 % in layer 0, 5.2 % in layer 16, 4.0 % in layer 23: rises to layer 16 and falls back" */
static const char *typical_words(const Style *s, const DriftShape *shape) {
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

static const char *count_words(const Style *s, int count) {
  return count == 1 ? say(s->d->language, "1 event")
                    : arena_printf(s->arena, say(s->d->language, "%d events"), count);
}

/* A file without these tables says nothing of events. */
static bool is_known(const ReportData *d, const ReportPair *pair) {
  return data_first_of(&d->strip_by, pair) >= 0;
}

/* Why, in short; "" where no value was repaired. */
static const char *brief_cause(const Style *s, const Event *e) {
  const Repair *repair = repair_of(s->d, e);
  if (!repair || repair->removed < 0.5)
    return *e->origin ? say(s->d->language, "; no single element explains it") : "";
  return arena_printf(s->arena, say(s->d->language, "; %s; repaired, layer %d goes from %s to %s"),
                      element_words(s, e), repair->layer, md_error(s->arena, repair->rel_l2),
                      md_error(s->arena, repair->rel_l2_after));
}

const char *events_cause(Arena *arena, const ReportData *d, const ReportPair *pair) {
  const Style s = {d, arena, false};
  const Event *e;
  const int count = events_count(d, pair, &e);
  const Repair *repair = e ? repair_of(d, e) : NULL;
  if (!repair || repair->removed < 0.5) return "";
  return arena_printf(
      arena, say(d->language, "%s; repaired, layer %d goes from %s to %s%s"), element_words(&s, e),
      repair->layer, md_error(arena, repair->rel_l2), md_error(arena, repair->rel_l2_after),
      count > 1
          ? arena_printf(arena, say(d->language, " (of %d events the heaviest beside its layer)"),
                         count)
          : "");
}

static const char *pair_summary(Arena *arena, const ReportData *d, const ReportPair *pair) {
  const Style s = {d, arena, true};
  const Event *e;
  const int count = events_count(d, pair, &e);
  if (count == 0) return "";
  return arena_printf(arena,
                      say(d->language, "%s against %s: %s; the heaviest beside its layer: %s has "
                                       "%s of layer %d's squared error%s\n"),
                      words_plain(arena, pair->base), words_plain(arena, pair->other),
                      count_words(&s, count), token_words(&s, e), md_share(arena, e->share),
                      e->layer, brief_cause(&s, e));
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
  const Style s = {d, &scratch, false};
  Grid grid = grid_new(&scratch, "rllrrrrlrrrr");
  static const char *const head[] = {WORD("token"),     WORD("its text"),   WORD("prompt"),
                                     WORD("layer"),     WORD("last"),       WORD("share"),
                                     WORD("its error"), WORD("element"),    WORD("there"),
                                     WORD("here"),      WORD("grid's end"), WORD("removed")};
  grid_head(l, &grid, head);
  for (int rank = 1; rank <= count && rank <= LISTED; rank++) {
    const Event *e = event_of(d, pair, rank);
    if (!e) continue;
    const Repair *repair = repair_of(d, e);
    grid_add(&grid, arena_printf(&scratch, "%d", e->token));
    grid_add(&grid, md_text(&scratch, e->context));
    grid_add(&grid, md_text(&scratch, e->prompt));
    grid_add(&grid, arena_printf(&scratch, "%d", e->layer));
    grid_add(&grid, arena_printf(&scratch, "%d", e->last_layer));
    grid_add(&grid, md_share(&scratch, e->share));
    grid_add(&grid, md_error(&scratch, e->error));
    grid_add(&grid,
             *e->tensor ? element(&s, e->tensor, e->element_token, e->element_channel) : "—");
    grid_add(&grid, number(&s, e->value_to));
    grid_add(&grid, number(&s, e->value));
    grid_add(&grid, number(&s, e->grid_end));
    grid_add(&grid, repair ? md_share(&scratch, fmax(repair->removed, 0)) : "—");
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
                   "than three tokens' even "
                   "share of it.\n\n"),
            md_share(&scratch, plan->share));
}

static void write_pair(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch) {
  const Language l = d->language;
  const Style s = {d, &scratch, false};
  const Event *largest;
  const int count = events_count(d, pair, &largest);
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
                 "and with more than three "
                 "tokens' even share of it.\n"),
          count_words(&s, count), md_share(&scratch, plan.share));
  for (int rank = 1; rank <= count && rank <= TOLD; rank++) {
    const Event *e = event_of(d, pair, rank);
    if (e) fprintf(out, say(l, "- %s. %s.\n"), event_words(&s, e), cause_words(&s, e));
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
  const Style s = {d, &scratch, false};
  bool any = false;
  for (size_t i = 0; i < d->repairs; i++) {
    const Repair *r = &d->repair[i];
    if (!r->asked) continue;
    const Two two = two_numbers(&s, r->value, r->value_to);
    any = true;
    fprintf(out,
            say(d->language,
                "- **%s, asked for**: %s of layer %d of prompt %s is %s in %s and %s in %s; %s.\n"),
            md_text(&scratch, r->repaired), element(&s, r->tensor, r->token, r->channel), r->layer,
            md_text(&scratch, r->prompt), two.a, md_text(&scratch, r->repaired), two.b,
            md_text(&scratch, r->to), repair_words(&s, r));
  }
  if (any) fputc('\n', out);
}

bool asked_events(const ReportData *d) { return d->event_strips > 0 || d->repairs > 0; }

void section_events(FILE *out, const ReportData *d, Arena scratch) {
  fputs(say(d->language,
            "What happens to every token (rounding, which bits mend) and what happens to one (a "
            "value clipped, which a "
            "scale mends) are two things. The first is the median token's; the second are events. "
            "An event is traced "
            "back through its layer by setting one element after another to the other side's "
            "value; that a value made "
            "it is said only where the whole run was made again with that value repaired.\n\n"),
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
