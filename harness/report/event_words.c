#include "report/event_words.h"

#include <math.h>
#include <string.h>

#include "report/language.h"
#include "report/markdown.h"
#include "report/words.h"

const Repair *event_repair(const ReportData *d, const Event *e) {
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

const Repair *event_maker(const ReportData *d, const Event *e) {
  const Repair *repair = event_repair(d, e);
  return repair && repair->removed >= 0.5 ? repair : NULL;
}

static const char *code(const EventStyle *s, const char *text) {
  return s->plain ? words_plain(s->arena, text) : md_code(s->arena, text);
}
static const char *text(const EventStyle *s, const char *name) {
  return s->plain ? words_plain(s->arena, name) : md_text(s->arena, name);
}
static const char *digits(const EventStyle *s, double x, int count) {
  return isnan(x) ? "—" : arena_printf(s->arena, "%#.*g", count, x);
}
const char *event_number(const EventStyle *s, double x) { return digits(s, x, 4); }

TwoNumbers event_two_numbers(const EventStyle *s, double a, double b) {
  TwoNumbers two = {event_number(s, a), event_number(s, b)};
  for (int count = 5; count <= 9 && a != b && !strcmp(two.a, two.b); count++)
    two = (TwoNumbers){digits(s, a, count), digits(s, b, count)};
  return two;
}

const char *event_element(const EventStyle *s, const char *tensor, int token, int channel) {
  return code(s, arena_printf(s->arena, "%s[%d, %d]", tensor, token, channel));
}

/* A piece between quotation marks, where no one would see that it begins or ends with spaces. */
static const char *piece_words(const EventStyle *s, const char *piece) {
  size_t length = strlen(piece), begin = strspn(piece, " "), end = length;
  while (end > begin && piece[end - 1] == ' ') end--;
  const char *shown = "";
  for (size_t i = 0; i < begin; i++) shown = arena_printf(s->arena, "%s␣", shown);
  shown = arena_printf(s->arena, "%s%s", shown,
                       text(s, arena_printf(s->arena, "%.*s", (int)(end - begin), piece + begin)));
  for (size_t i = end; i < length; i++) shown = arena_printf(s->arena, "%s␣", shown);
  return shown;
}

const char *event_token(const EventStyle *s, const Event *e) {
  if (!*e->piece) return arena_printf(s->arena, say(s->d->language, "token %d"), e->token);
  return arena_printf(s->arena, say(s->d->language, "token %d (“%s”)"), e->token,
                      piece_words(s, e->piece));
}

static const char *until_words(const EventStyle *s, const Event *e) {
  if (e->healed_layer < 0)
    return e->last_layer == e->layer ? "" : say(s->d->language, "; it lasts to the end");
  if (e->last_layer == e->layer) return say(s->d->language, "; in this layer alone");
  return arena_printf(s->arena, say(s->d->language, "; from layer %d on it is below that again"),
                      e->healed_layer);
}

const char *event_words(const EventStyle *s, const Event *e) {
  return arena_printf(s->arena,
                      say(s->d->language, "%s of %s: from layer %d on, with %s of its squared "
                                          "error (its error is %s, the median token's %s)%s"),
                      event_token(s, e), text(s, e->prompt), e->layer, md_share(s->arena, e->share),
                      md_error(s->arena, e->error), md_error(s->arena, e->error_median),
                      until_words(s, e));
}

const char *event_element_words(const EventStyle *s, const Event *e) {
  const Language l = s->d->language;
  const char *where = event_element(s, e->tensor, e->element_token, e->element_channel);
  if (e->clipped)
    return arena_printf(s->arena,
                        say(l, "%s is %s in %s and clipped in %s, where the grid ends at %s"),
                        where, event_number(s, e->value_to), text(s, e->to), text(s, e->repaired),
                        event_number(s, e->grid_end));
  const TwoNumbers two = event_two_numbers(s, e->value_to, e->value);
  return arena_printf(s->arena, say(l, "%s is %s in %s and %s in %s"), where, two.a, text(s, e->to),
                      two.b, text(s, e->repaired));
}

static const char *made_words(const EventStyle *s, const Event *e) {
  if (!*e->made) return "";
  const TwoNumbers two = event_two_numbers(s, e->made_value, e->made_to);
  return arena_printf(s->arena, say(s->d->language, "; behind it %s is %s in place of %s"),
                      event_element(s, e->made, e->token, e->made_channel), two.a, two.b);
}

/* Of the token's squared error, of which there may be none. */
static const char *removed_words(const EventStyle *s, const Repair *r) {
  const Language l = s->d->language;
  if (isnan(r->removed)) return say(l, "the token has no error");
  if (r->removed < 0)
    return arena_printf(s->arena, say(l, "the token's squared error grows by %s"),
                        md_share(s->arena, -r->removed));
  return arena_printf(s->arena, say(l, "%s of the token's squared error is gone"),
                      md_share(s->arena, r->removed));
}

const char *event_repair_words(const EventStyle *s, const Repair *r) {
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

/* Only a repaired element is said to have made it. */
const char *event_cause(const EventStyle *s, const Event *e) {
  const Language l = s->d->language;
  const Repair *repair = event_maker(s->d, e);
  if (!*e->origin) return say(l, "It was not traced");
  if (repair)
    return arena_printf(s->arena, say(l, "%s%s; %s"), event_element_words(s, e), made_words(s, e),
                        event_repair_words(s, repair));
  if (!*e->tensor)
    return arena_printf(s->arena,
                        say(l, "No single element explains it: in layer %d none stands out"),
                        e->grown_layer);
  return arena_printf(
      s->arena,
      say(l, "No single element explains it: of layer %d run again with the one that comes "
             "nearest, %s, set to the other side's value, %s of it goes"),
      e->grown_layer, event_element(s, e->tensor, e->element_token, e->element_channel),
      md_share(s->arena, fmax(e->removed, 0)));
}

const char *event_brief_cause(const EventStyle *s, const Event *e) {
  const Repair *repair = event_maker(s->d, e);
  if (!repair) return *e->origin ? say(s->d->language, "; no single element explains it") : "";
  return arena_printf(s->arena, say(s->d->language, "; %s; repaired, layer %d goes from %s to %s"),
                      event_element_words(s, e), repair->layer, md_error(s->arena, repair->rel_l2),
                      md_error(s->arena, repair->rel_l2_after));
}
