#include "report/effect.h"

#include <math.h>

#include "measure/interval.h"
#include "report/finite.h"
#include "report/markdown.h"

int effect_decimals(double factor) {
  double away = fabs(factor - 1);
  return away > 0 && away < 0.1 ? (int)fmin(9, 2 - floor(log10(away))) : 3;
}

const char *effect_factor(Arena *arena, double factor, int decimals) {
  if (!(factor > 0.1 && factor < 10)) return md_factor(arena, factor);
  return arena_printf(arena, "%.*f", decimals, factor);
}

static int decimals_of(double low, double high) {
  return (int)fmax(effect_decimals(low), effect_decimals(high));
}

const char *effect_interval(Language l, Arena *arena, const char *value, const char *low,
                            const char *high) {
  return arena_printf(arena, say(l, "%s (%s … %s)"), value, low, high);
}

const char *effect_factor_within(Language l, Arena *arena, double factor, double low, double high) {
  if (isnan(low)) return effect_factor(arena, factor, effect_decimals(factor));
  const int decimals = decimals_of(low, high);
  return effect_interval(l, arena, effect_factor(arena, factor, decimals),
                         effect_factor(arena, low, decimals), effect_factor(arena, high, decimals));
}

bool effect_clear(double low, double high, double none) { return low > none || high < none; }

bool effect_may_be_less(double low, double high, double other_low, double other_high) {
  const double least = effect_clear(low, high, 1) ? fmin(fabs(log(low)), fabs(log(high))) : 0;
  return !isnan(low) && fmax(fabs(log(other_low)), fabs(log(other_high))) >= least;
}

/* "**-1.2e-02** (-1.6e-02 … -8.0e-03)". */
static const char *change_cell(Language l, Arena *arena, const char *value, const char *low,
                               const char *high, bool told, double holm) {
  const char *marked = arena_printf(arena, "%s%s%s%s", told ? "**" : "", value, told ? "**" : "",
                                    told && !(holm <= 1 - interval_level) ? " †" : "");
  return effect_interval(l, arena, marked, low, high);
}

const char *effect_factor_cell(Language l, Arena *arena, double value, double low, double high,
                               double holm) {
  if (isnan(value)) return "—";
  if (isinf(value)) return finite_figure(l, arena, value);
  if (isnan(low)) return effect_factor(arena, value, effect_decimals(value));
  const int decimals = decimals_of(low, high);
  return change_cell(l, arena, effect_factor(arena, value, decimals),
                     effect_factor(arena, low, decimals), effect_factor(arena, high, decimals),
                     effect_clear(low, high, 1), holm);
}

const char *effect_difference_cell(Language l, Arena *arena, double value, double low, double high,
                                   double holm) {
  if (isnan(value)) return "—";
  if (isinf(value)) return finite_figure(l, arena, value);
  if (isnan(low)) return md_short(arena, value);
  return change_cell(l, arena, md_short(arena, value), md_short(arena, low), md_short(arena, high),
                     effect_clear(low, high, 0), holm);
}
