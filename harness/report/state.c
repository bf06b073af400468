/* state: how the error of the scan's state grows over the tokens, in words. */
#include <math.h>
#include <string.h>

#include "report/language.h"
#include "report/markdown.h"
#include "report/plots.h"
#include "report/sections.h"

static const MicroRow *run_of(const ReportData *d, int item) {
  for (size_t i = 0; i < d->micros; i++)
    if (d->micro[i].item == item) return &d->micro[i];
  return NULL;
}

static const char *law_words(Language l, Arena *arena, const StateDrift *s) {
  if (!strcmp(s->law, "saturation"))
    return arena_printf(arena,
                        say(l, "levels off at %s (%s … %s), with a time constant of %s tokens"),
                        md_short(arena, s->level), md_short(arena, s->level_low),
                        md_short(arena, s->level_high), md_factor(arena, s->tokens_to_level));
  if (!strcmp(s->law, "power"))
    return arena_printf(arena, say(l, "token^%s (%s … %s)"), md_fixed(arena, s->power, 2),
                        md_fixed(arena, s->power_low, 2), md_fixed(arena, s->power_high, 2));
  return s->rms_last == 0 ? say(l, "no error") : say(l, "too few tokens to fit");
}

/* Captured runs, slow decay, and the longest: where growth matters, and where it shows. */
static bool is_shown(const ReportData *d, const StateDrift *s, const MicroRow *run) {
  if (!strcmp(run->input, "captured") || !strcmp(run->input, "slow_decay")) return true;
  for (size_t i = 0; i < d->state_drifts; i++)
    if (d->state_drift[i].tokens > s->tokens) return false;
  return true;
}

static void write_table(FILE *out, const ReportData *d, Arena scratch) {
  static const char *const heading[] =
      WORDS("setting", "input", "error after 1", "at the end", "median channel at the end",
            "growth of the RMS error", "worst state", "its memory, tokens", "memory and error",
            "mean ULP", "smallest Pearson", "bound used");
  Grid grid = grid_new(&scratch, "llrrrllrrrrr");
  grid_head(d->language, &grid, heading);
  for (size_t i = 0; i < d->state_drifts; i++) {
    const StateDrift *s = &d->state_drift[i];
    const MicroRow *run = run_of(d, s->item);
    if (!run || !is_shown(d, s, run)) continue;
    const char *place = *run->prompt
                            ? arena_printf(&scratch, say(d->language, ", layer %d, modes %s"),
                                           run->layer, md_text(&scratch, run->modes))
                            : "";
    grid_add(&grid, md_code(&scratch, run->setting));
    grid_add(&grid, arena_printf(&scratch, "%s %s%s", md_text(&scratch, run->input),
                                 md_text(&scratch, run->shape), place));
    grid_add(&grid, md_short(&scratch, s->rms_first));
    grid_add(&grid, md_short(&scratch, s->rms_last));
    grid_add(&grid, isnan(s->rms_median_last) ? "—" : md_short(&scratch, s->rms_median_last));
    grid_add(&grid, law_words(d->language, &scratch, s));
    grid_add(&grid, s->worst_channel < 0
                        ? "—"
                        : arena_printf(&scratch, say(d->language, "channel %d, state %d"),
                                       s->worst_channel, s->worst_state));
    grid_add(&grid, md_factor(&scratch, s->worst_memory));
    grid_add(&grid, isnan(s->memory_correlation)
                        ? "—"
                        : arena_printf(&scratch, "%.2f", s->memory_correlation));
    grid_add(&grid, arena_printf(&scratch, "%s → %s", md_factor(&scratch, s->ulp_first),
                                 md_factor(&scratch, s->ulp_last)));
    grid_add(&grid, isnan(s->pearson_min)
                        ? "—"
                        : arena_printf(&scratch, "1 − %s", md_short(&scratch, 1 - s->pearson_min)));
    grid_add(&grid, md_percent(&scratch, s->used_max));
  }
  grid_write(&grid, out);
}

/* The run whose mean ULP grows most while no correlation falls below 0.9999. */
static const StateDrift *hidden(const ReportData *d) {
  const StateDrift *most = NULL;
  for (size_t i = 0; i < d->state_drifts; i++) {
    const StateDrift *s = &d->state_drift[i];
    if (!(s->pearson_min > 0.9999 && s->ulp_first > 0 && s->ulp_last > 2 * s->ulp_first)) continue;
    if (!most || s->ulp_last / s->ulp_first > most->ulp_last / most->ulp_first) most = s;
  }
  return most;
}

/* The run whose error at the end is most that of few channels; NULL where none is beyond the
 * limit. */
static const StateDrift *uneven(const ReportData *d) {
  const StateDrift *most = NULL;
  for (size_t i = 0; i < d->state_drifts; i++) {
    const StateDrift *s = &d->state_drift[i];
    if (!(s->rms_median_last > 0 && s->rms_last > d->limits.parting * s->rms_median_last)) continue;
    if (!most || s->rms_last / s->rms_median_last > most->rms_last / most->rms_median_last)
      most = s;
  }
  return most;
}

static void write_uneven(FILE *out, const ReportData *d, Arena scratch) {
  const StateDrift *s = uneven(d);
  const MicroRow *run = s ? run_of(d, s->item) : NULL;
  if (!run) return;
  fprintf(
      out,
      say(d->language,
          "Few channels carry it: in %s on %s all channels together are off by %s at the end, the "
          "median channel by %s.\n\n"),
      md_code(&scratch, run->setting), md_text(&scratch, run->input),
      md_short(&scratch, s->rms_last), md_short(&scratch, s->rms_median_last));
}

void section_state(FILE *out, const ReportData *d, Arena scratch) {
  fputs(
      say(d->language,
          "The recurrent state after every token against float64, over channels and states. Growth "
          "is fitted to the logarithm of the RMS error, as a power of the token and as a "
          "saturation, whichever leaves less; the range in brackets is that of 95 %. *Memory* is "
          "after how many tokens 1/e of an input is left (1 / mean of delta |A|), *median channel* "
          "the RMS error of a channel's states, median over channels: channels do not mix in the "
          "state, and where all together are far above it, few carry the error; *memory and error* "
          "Spearman's correlation of the two over all states. Shown are captured inputs, slow "
          "decay and the longest runs; every run is in `tables/state_drift.csv`, the figures after "
          "each token in `tables/state_error.csv`.\n\n"),
      out);
  const StateDrift *h = hidden(d);
  const MicroRow *run = h ? run_of(d, h->item) : NULL;
  if (run)
    fprintf(
        out,
        say(d->language,
            "Correlation alone would hide it: in %s on %s the Pearson correlation of the states "
            "never falls below 1 − %s, while their mean error grows from %s to %s ULP.\n\n"),
        md_code(&scratch, run->setting), md_text(&scratch, run->input),
        md_short(&scratch, 1 - h->pearson_min), md_factor(&scratch, h->ulp_first),
        md_factor(&scratch, h->ulp_last));
  write_uneven(out, d, scratch);
  plot_state(out, d, scratch);
  write_table(out, d, scratch);
}
