#include "study/undone.h"

#include <math.h>
#include <string.h>

#include "reference/model64.h"

/* --- rotating back ---------------------------------------------------------------------------- */

/* What is computed here is all of the same weights. */
static bool is_foreign(const Pairs *p, const SidePair *pair) {
  return pair->base >= p->walked || pair->other >= p->walked;
}

static bool is_mixed(const Pairs *p, const SidePair *pair) {
  return is_foreign(p, pair) && p->rewrite[pair->base] != p->rewrite[pair->other];
}

/* Whether a side is of rewritten weights, and compared with one that is not. */
static bool is_undone(const Pairs *p, int side) {
  bool mixed = false;
  for (int i = 0; i < p->pairs; i++)
    if (p->pair[i].base == side || p->pair[i].other == side) mixed |= is_mixed(p, &p->pair[i]);
  return mixed && p->rewrite[side] == REWRITE_QUAMBA;
}

/* In float64, row by row; no data where there is no matrix of this size. */
static Tensor rotated_back(Arena *arena, const Tensor *t) {
  if (!hadamard64_factor(t->cols)) return (Tensor){0};
  double *value = ARENA_NEW(arena, double, (size_t)t->rows *(size_t)t->cols);
  tensor_values(t, value);
  hadamard64_back(value, t->rows, t->cols);
  Tensor back = tensor_of(value, FORMAT_F64, t->rows, t->cols, 0);
  back.kernel = t->kernel;
  return back;
}

Trace *undone_traces(Arena *arena, const Pairs *p, const Trace *trace) {
  Trace *back = NULL;
  for (int s = 0; s < p->sides; s++) {
    if (!is_undone(p, s)) continue;
    if (!back) back = ARENA_NEW(arena, Trace, p->sides);
    for (int id = 0; id < pairs_tensors(p)->count; id++)
      if (pairs_tensors(p)->info[id].basis == BASIS_ROTATED && trace[s].t[id].data)
        back[s].t[id] = rotated_back(arena, &trace[s].t[id]);
  }
  return back;
}

const Tensor *undone_tensor(const Pairs *p, const SidePair *pair, int side, int id,
                            const Trace *trace, const Trace *back) {
  const Basis basis = pairs_tensors(p)->info[id].basis;
  const Tensor *t = &trace[side].t[id];
  if (is_mixed(p, pair) && basis != BASIS_KEPT) {
    if (basis != BASIS_ROTATED) return NULL;
    if (p->rewrite[side] == REWRITE_QUAMBA) t = &back[side].t[id];
  }
  return tensor_is_made(t) ? t : NULL;
}

/* --- rows ------------------------------------------------------------------------------------- */

static double *values_of(Arena *arena, const Tensor *t) {
  double *value = ARENA_NEW(arena, double, (size_t)t->rows *(size_t)t->cols);
  tensor_values(t, value);
  return value;
}

/* |a - b| / |a| over what is finite on both sides. */
static double relative(const double *a, const double *b, const Tensor *shape) {
  const size_t n = tensor_elements(shape);
  double error = 0, size = 0;
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(a[i]) || !isfinite(b[i])) continue;
    error += (a[i] - b[i]) * (a[i] - b[i]);
    size += a[i] * a[i];
  }
  return sqrt(error) / sqrt(size);
}

static bool is_nearer(double one, double other) { return one < 0.5 * other; }

static Undone row_of(const Pairs *p, const SidePair *pair, int id, const WalkPlace *at) {
  Undone row = {.layer = tensors_filed(pairs_tensors(p), id, at->layer, p->subject->model.layers),
                .back = NAN,
                .rel_l2 = NAN,
                .other_l2 = NAN};
  row.rewritten =
      (p->rewrite[pair->base] == REWRITE_QUAMBA) + (p->rewrite[pair->other] == REWRITE_QUAMBA);
  table_text(row.prompt, sizeof row.prompt, at->shape->name);
  table_text(row.base, sizeof row.base, p->side[pair->base].name);
  table_text(row.other, sizeof row.other, p->side[pair->other].name);
  table_text(row.tensor, sizeof row.tensor, pairs_tensors(p)->info[id].name);
  return row;
}

static void give_reason(Undone *row, const char *reason) {
  table_text(row->reason, sizeof row->reason, reason);
}

/* Of a pair of two bases. */
static Undone mixed_row(const Pairs *p, const SidePair *pair, int id, const WalkPlace *at,
                        const Trace *trace, const Trace *back, Arena scratch) {
  const bool base = p->rewrite[pair->base] == REWRITE_QUAMBA;
  const int side = base ? pair->base : pair->other;
  const Basis basis = pairs_tensors(p)->info[id].basis;
  const Tensor *stands = &trace[side].t[id], *undone = &back[side].t[id];
  Undone row = row_of(p, pair, id, at);
  row.cols = stands->cols;
  if (basis == BASIS_FOLDED) give_reason(&row, "gain");
  if (basis == BASIS_UNKNOWN) give_reason(&row, "unknown");
  if (basis != BASIS_ROTATED) return row;
  table_text(row.side, sizeof row.side, p->side[side].name);
  if (!undone->data) {
    give_reason(&row, "no_matrix");
    return row;
  }
  const double *plain = values_of(&scratch, &trace[base ? pair->other : pair->base].t[id]),
               *rewritten = values_of(&scratch, stands), *rotated = undone->data;
  double *again = values_of(&scratch, undone);
  hadamard64(again, undone->rows, undone->cols);
  row.back = relative(rewritten, again, stands);
  row.rel_l2 = base ? relative(rotated, plain, stands) : relative(plain, rotated, stands);
  row.other_l2 = base ? relative(rewritten, plain, stands) : relative(plain, rewritten, stands);
  return row;
}

/* Of a pair whose sides are said to be in one basis: whether the one or the other rotated back
 * would bring them together. */
static bool contradicts(const Pairs *p, const SidePair *pair, int id, const WalkPlace *at,
                        const Trace *trace, Undone *row, Arena scratch) {
  const Tensor *a = &trace[pair->base].t[id], *b = &trace[pair->other].t[id];
  const double *base = values_of(&scratch, a), *other = values_of(&scratch, b);
  const double as_said = relative(base, other, a);
  if (!(as_said > FOREIGN_INPUT_MOST)) return false;
  const Tensor base_back = rotated_back(&scratch, a), other_back = rotated_back(&scratch, b);
  if (!base_back.data || !other_back.data) return false;
  const double of_base = relative(base_back.data, other, a),
               of_other = relative(base, other_back.data, a);
  const bool is_base = of_base < of_other;
  *row = row_of(p, pair, id, at);
  row->cols = a->cols;
  row->rel_l2 = as_said;
  row->other_l2 = is_base ? of_base : of_other;
  table_text(row->side, sizeof row->side, p->side[is_base ? pair->base : pair->other].name);
  return is_nearer(row->other_l2, as_said);
}

Undone *undone_rows(Arena *arena, const Pairs *p, const WalkPlace *at, const Trace *trace,
                    const Trace *back, int *count) {
  const Tensors *tensors = pairs_tensors(p);
  Undone *row = ARENA_NEW(arena, Undone, p->pairs * tensors->count);
  *count = 0;
  for (int i = 0; i < p->pairs; i++)
    for (int id = 0; id < tensors->count; id++) {
      const SidePair *pair = &p->pair[i];
      const bool both = trace[pair->base].t[id].data && trace[pair->other].t[id].data;
      const Basis basis = tensors->info[id].basis;
      if (!both || basis == BASIS_KEPT || !is_foreign(p, pair)) continue;
      if (is_mixed(p, pair))
        row[(*count)++] = mixed_row(p, pair, id, at, trace, back, *arena);
      else if (at->layer == 0 && basis == BASIS_ROTATED)
        *count += contradicts(p, pair, id, at, trace, &row[*count], *arena);
    }
  return row;
}

size_t undone_bytes(const Pairs *p) {
  const Config *config = &p->subject->checkpoint.config;
  const int longest = subject_longest(p->spec, p->subject);
  size_t tokens = longest > 0 ? (size_t)longest : 1, widest = 1, all = 0, undone = 0;
  for (int id = 0; id < config->family->tensors.count; id++) {
    const TensorInfo *info = &config->family->tensors.info[id];
    if (info->basis != BASIS_ROTATED) continue;
    const size_t cols = (size_t)config->family->width(config, info->cols);
    widest = cols > widest ? cols : widest;
    all += cols;
  }
  for (int s = 0; s < p->sides; s++) undone += is_undone(p, s);
  const size_t rows = (size_t)p->pairs * (size_t)config->family->tensors.count;
  return p->sides == p->walked ? 0
                               : (undone * all + 4 * widest) * tokens * sizeof(double) +
                                     (size_t)p->sides * sizeof(Trace) + rows * sizeof(Undone) +
                                     (size_t)64 * TENSORS_MOST;
}

/* --- what was proved -------------------------------------------------------------------------- */

/* A tensor of a pair, by the first place where it tells something. */
typedef struct Asked {
  const Undone *first;
  bool told, agrees, contradicts;
} Asked;

static bool same_pair(const Undone *a, const char *base, const char *other) {
  return !strcmp(a->base, base) && !strcmp(a->other, other);
}

static Asked *find(Asked *asked, int count, const char *base, const char *other,
                   const char *tensor) {
  for (int i = 0; i < count; i++)
    if (same_pair(asked[i].first, base, other) && !strcmp(asked[i].first->tensor, tensor))
      return &asked[i];
  return NULL;
}

static void ask(Asked *asked, const Undone *row) {
  if (asked->told || !isfinite(row->rel_l2) || !isfinite(row->other_l2)) return;
  asked->told = true;
  asked->agrees = row->back <= UNDONE_EXACT && is_nearer(row->rel_l2, row->other_l2);
  asked->contradicts = is_nearer(row->other_l2, row->rel_l2);
}

/* One matrix is that of all tensors of its size. */
static bool is_proved(const Asked *asked, int count, const Asked *of) {
  bool proved = false;
  for (int i = 0; i < count; i++)
    proved |= asked[i].agrees && asked[i].first->cols == of->first->cols &&
              same_pair(asked[i].first, of->first->base, of->first->other);
  return proved && !of->contradicts;
}

static bool is_left(const Undone *row, size_t rows, const char *base, const char *other,
                    const char *tensor) {
  for (size_t i = 0; i < rows; i++)
    if (*row[i].reason && same_pair(&row[i], base, other) && !strcmp(row[i].tensor, tensor))
      return true;
  return false;
}

bool undone_settle(Undone *row, size_t rows, PairStats *pair, size_t *pairs, Arena scratch) {
  Asked *asked = ARENA_NEW(&scratch, Asked, rows);
  int count = 0;
  bool contradicted = false;
  size_t left = 0;
  for (size_t i = 0; i < rows; i++) {
    if (*row[i].reason) continue;
    Asked *of = find(asked, count, row[i].base, row[i].other, row[i].tensor);
    if (!of) *(of = &asked[count++]) = (Asked){.first = &row[i]};
    ask(of, &row[i]);
  }
  for (size_t i = 0; i < rows; i++) {
    if (*row[i].reason) continue;
    const Asked *of = find(asked, count, row[i].base, row[i].other, row[i].tensor);
    contradicted |= of->contradicts;
    if (!is_proved(asked, count, of))
      give_reason(&row[i], of->contradicts ? "contradicted" : "unproved");
  }
  for (size_t i = 0; i < *pairs; i++) {
    const Asked *of = find(asked, count, pair[i].base, pair[i].other, pair[i].tensor);
    if (!of || is_proved(asked, count, of)) pair[left++] = pair[i];
  }
  *pairs = left;
  return contradicted;
}

void undone_leave_tokens(const Undone *row, size_t rows, const char *tensor, TokenErrors *token,
                         size_t *tokens) {
  size_t left = 0;
  for (size_t i = 0; i < *tokens; i++)
    if (!is_left(row, rows, token[i].base, token[i].other, tensor)) token[left++] = token[i];
  *tokens = left;
}
