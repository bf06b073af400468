/* events: single tokens that carry much of a layer's error. One clipped value, with a large gate
 * behind it, can make most of a layer's squared error in one of hundreds of tokens, while the
 * median token shows nothing: what happens to every token (rounding, accumulating slowly) and what
 * happens to one are two things, mended in two ways.
 *
 * A token is an event in a layer where |d_t|^2, the squared error of its row of block_out, is more
 * than `share` of the sum over all tokens, and more than EVENT_EVEN times the even share 1/T: in a
 * prompt of a few tokens each of them has much. It lasts from there to the layer before the first
 * in which it is none again, where it has healed; a token that is one again later is another event.
 * Tokens with a value that is not finite are left out. Relative errors are those of
 * measure/row_error.h. */
#ifndef DS_MEASURE_EVENTS_H
#define DS_MEASURE_EVENTS_H
#include "base/arena.h"
#include "family/trace.h"
#include "measure/tables/events.h"
#include "measure/tables/stats.h"

enum { EVENT_EVEN = 3 };

/* The share above which a token of T is an event. */
double event_limit(double share, int T);

/* What the tokens of one prompt of one pair carry: views into the rows of the journal. */
typedef struct TokenCourse {
  const char *prompt, *base, *other;
  int T, layers;
  const TokenErrors **row; /* [layers][row of TOKENS_A_ROW tokens] */
  double *error2, *base2;  /* [layers]: course_sum */
} TokenCourse;

/* The rows of a run, a course for each pair and prompt: pairs as first met, prompts as listed. In
 * the arena; views into rows. Layers of 0 … layers-1 that a pair has no rows of are passed over:
 * tokens are left out of them, and one that is an event on both sides of them is one throughout. */
TokenCourse *token_courses(Arena *arena, const TokenErrors *rows, size_t count,
                           const PromptShape *prompt, int prompts, int layers, size_t *courses);
/* Squared error of a token; NaN where it is left out. And the sum over all tokens, or of the base's
 * squares. */
double course_error2(const TokenCourse *course, int layer, int token);
double course_sum(const TokenCourse *course, int layer, bool of_base);
/* Relative error of a token, and of the median one. */
double course_error(const TokenCourse *course, int layer, int token);
double course_median(const TokenCourse *course, int layer, Arena scratch);

/* All events: by pair, prompt, layer, token, with their ranks. Fills all but piece, context,
 * through and what tracing finds: that is "" or NaN, indices -1. */
Event *events_of(Arena *arena, const TokenCourse *course, size_t courses, double share,
                 size_t *events);
/* The strip of the prompt with the largest event of each pair, else of its first prompt; at most
 * STRIP_TOKENS pieces of a prompt. Fills all but piece. */
enum { STRIP_TOKENS = 512 };
EventStrip *event_strips(Arena *arena, const TokenCourse *course, size_t courses,
                         const Event *event, size_t events, size_t *strips);
#endif
