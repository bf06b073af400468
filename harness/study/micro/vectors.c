#include "study/micro/vectors.h"

#include <math.h>
#include <string.h>

#include "family/trace.h"
#include "kernels/conv1d.h"
#include "study/micro/inputs.h"
#include "study/micro/vector_axes.h"

enum { CASES_MOST = 4096 };
static const float eps_usual = 1e-5f;

/* --- names ------------------------------------------------------------------------------------ */

/* A full name in parts: `op` -1 where none is in it. */
typedef struct Place {
  int op;
  const char *name, *array; /* of the case; "": the file's */
} Place;

static int op_here(Arena scratch, const char *at, size_t length) {
  return micro_op_of(arena_printf(&scratch, "%.*s", (int)length, at));
}

/* By the last operator in it, else by its last separator. */
static Place place_of(Arena *arena, const char *full) {
  Place p = {.op = -1, .name = "", .array = full};
  const char *end = NULL;
  for (const char *at = full;;) {
    const size_t length = strcspn(at, "/.");
    if (!at[length]) break;
    const int op = length < 16 ? op_here(*arena, at, length) : -1;
    if (op >= 0 || p.op < 0) {
      p.array = at + length + 1;
      end = op >= 0 ? at : at + length + 1;
    }
    if (op >= 0) p.op = op;
    at += length + 1;
  }
  if (end && end > full) p.name = arena_printf(arena, "%.*s", (int)(end - full) - 1, full);
  return p;
}

static int row_of(const VectorLayout *layout, const char *array) {
  for (int i = 0; i < layout->arrays; i++)
    if (!strcmp(layout->array[i].name, array)) return i;
  return -1;
}

static const char *names_of(Arena *arena, const VectorLayout *layout) {
  const char *text = "";
  for (int i = 0; i < layout->arrays; i++)
    text = arena_printf(arena, "%s%s%s", text, i ? ", " : "", layout->array[i].name);
  return text;
}

typedef struct Open {
  Arena *arena;
  Vectors *v;
  const VectorLayout *layout;
  bool named; /* operators stand in the names */
  TokenAxis tokens;
} Open;

static bool is_asked(const Open *o, const Place *p) {
  return p->op == (int)o->v->op || (!o->named && p->op < 0);
}

static VectorCase *case_of(const Open *o, const char *name) {
  const Vectors *v = o->v;
  for (int i = v->cases; i-- > 0;)
    if (!strcmp(v->one[i].name, name)) return &v->one[i];
  return NULL;
}

static bool add_array(Open *o, const DumpArray *array, Status *st) {
  Vectors *v = o->v;
  const char *full = dump_full_name(o->arena, array), *path = v->dump->path;
  const Place p = place_of(o->arena, full);
  if (!is_asked(o, &p)) return true;
  const int row = row_of(o->layout, p.array);
  if (row < 0)
    return FAIL(st, VECTOR_AT "is no array of %s, which has %s", path, full, micro_op_names[v->op],
                names_of(o->arena, o->layout));
  VectorCase *c = case_of(o, p.name);
  if (!c && v->cases == CASES_MOST) return FAIL(st, "%s: has more than %d cases", path, CASES_MOST);
  if (!c) {
    c = &v->one[v->cases++];
    *c = (VectorCase){.name = p.name};
  }
  if (c->array[row])
    return FAIL(st, VECTOR_AT "is there a second time, as '%.200s'", path, full, c->full[row]);
  c->array[row] = array;
  c->full[row] = full;
  return true;
}

/* What cannot be read and has the name of an array that is looked for. */
static bool passed_is_none(const Open *o, const DumpPassed *passed, Status *st) {
  const DumpArray array = {.name = passed->name, .file = passed->file};
  const char *full = dump_full_name(o->arena, &array);
  const Place p = place_of(o->arena, full);
  if (!*passed->name || !is_asked(o, &p) || row_of(o->layout, p.array) < 0) return true;
  return FAIL(st, VECTOR_AT "%s", o->v->dump->path, full, passed->why);
}

static bool find_cases(Open *o, Status *st) {
  Vectors *v = o->v;
  const Dump *dump = v->dump;
  v->one = ARENA_NEW(o->arena, VectorCase, dump->arrays < CASES_MOST ? dump->arrays : CASES_MOST);
  for (int i = 0; !o->named && i < dump->arrays; i++) {
    Arena scratch = *o->arena;
    o->named = place_of(&scratch, dump_full_name(&scratch, &dump->array[i])).op >= 0;
  }
  for (int i = 0; i < dump->passed_over; i++) TRY(passed_is_none(o, &dump->passed[i], st));
  for (int i = 0; i < dump->arrays; i++) TRY(add_array(o, &dump->array[i], st));
  return v->cases ||
         FAIL(st, "%s: holds no case with vectors of %s: arrays called %s, behind %s/", dump->path,
              micro_op_names[v->op], names_of(o->arena, o->layout), micro_op_names[v->op]);
}

/* --- a case ----------------------------------------------------------------------------------- */

static const char *type_wanted(const VectorLayout *layout, const VectorInfo *info) {
  switch (info->take) {
    case GIVE_SETTING:
      return layout->gives & VECTOR_I8 ? "a float or int8 with a scale" : "a float";
    case TAKE_NUMBER:
    case GIVE_FLOAT: return "a float";
    case GIVE_QUANTISED: return "int8 with a scale";
    default: return "a float or int8 with a scale";
  }
}

static bool check_type(const Open *o, const VectorCase *c, int i, Status *st) {
  const VectorInfo *info = &o->layout->array[i];
  const DumpArray *a = c->array[i];
  const char *wanted = type_wanted(o->layout, info);
  const bool is_int8 = a->type == DUMP_I8, may_int8 = strstr(wanted, "int8") != NULL;
  if (is_int8 && may_int8 && a->scale == 0)
    return FAIL(st,
                VECTOR_AT "is int8 and has no scale: an array '%.100s.scale' beside it, or in HDF5 "
                          "its attribute 'scale'",
                VECTOR_IN(o->v, c, i), c->full[i]);
  return (is_int8 ? may_int8 : dump_float(a->type) && info->take != GIVE_QUANTISED) ||
         FAIL(st, VECTOR_AT "is %s, %s was expected", VECTOR_IN(o->v, c, i),
              dump_type_name[a->type], wanted);
}

static bool check_shape(const Open *o, VectorCase *c, int i, Lengths *l, Status *st) {
  const AxesAsked asked = {&o->layout->array[i], o->layout->by_rows, o->tokens};
  const char *why = "";
  int rows, cols;
  if (!vector_axes(o->arena, &asked, c->array[i], l, &c->axes[i], &why))
    return FAIL(st, VECTOR_AT "%s", VECTOR_IN(o->v, c, i), why);
  return dump_sizes(o->v->dump, c->array[i], &(DumpAxes){c->axes[i], -1}, &rows, &cols, st);
}

/* Vectors first, then weights, then what has tokens: each tells the lengths of those behind it. */
static bool check_shapes(const Open *o, VectorCase *c, Lengths *l, Status *st) {
  for (int turn = 0; turn < 3; turn++)
    for (int i = 0; i < o->layout->arrays; i++) {
      const char *dims = o->layout->array[i].dims;
      const int own = dims[0] == 'T' ? 2 : strlen(dims) == 2 ? 1 : 0;
      if (c->array[i] && own == turn) TRY(check_shape(o, c, i, l, st));
    }
  return true;
}

/* What the operator itself cannot take. */
static bool check_limits(const Open *o, const VectorCase *c, const Lengths *l, Status *st) {
  const int x = row_of(o->layout, "x");
  const MicroShape shape = {.T = (int)l->of['T'], .E = (int)l->of['C'], .N = (int)l->of['O']};
  const char *why;
  if (l->of['K'] > CONV1D_MAX_TAPS)
    return FAIL(st, VECTOR_AT "has %lld taps, at most %d", VECTOR_IN(o->v, c, WEIGHT),
                (long long)l->of['K'], CONV1D_MAX_TAPS);
  return micro_input_exists(o->v->op, INPUT_NORMAL, shape, &why) ||
         FAIL(st, VECTOR_AT "%s", VECTOR_IN(o->v, c, x), why);
}

static bool check_case(const Open *o, VectorCase *c, Status *st) {
  const VectorLayout *layout = o->layout;
  const char *path = o->v->dump->path, *op = micro_op_names[o->v->op], *outs = "";
  Lengths l = {0};
  bool gives = false;
  for (int i = 0; i < layout->arrays; i++) {
    const VectorInfo *info = &layout->array[i];
    if (vector_is_output(info)) {
      outs = arena_printf(o->arena, "%s%s%s", outs, *outs ? ", " : "", info->name);
      gives = gives || c->array[i];
    } else if (!c->array[i] && !info->maybe) {
      return FAIL(st, "%s: %.200s%s%s is missing: %s was expected", path, c->name,
                  *c->name ? "/" : "", info->name, vector_shape(o->arena, info, &l));
    }
    if (c->array[i]) TRY(check_type(o, c, i, st));
  }
  if (!gives)
    return FAIL(st, "%s: %.200s%shas no output of %s: %s", path, c->name, *c->name ? ": " : "", op,
                outs);
  TRY(check_shapes(o, c, &l, st));
  return check_limits(o, c, &l, st);
}

bool vectors_open(Arena *arena, const char *path, MicroOp op, TokenAxis tokens, Vectors *v,
                  Status *st) {
  Dump *dump = ARENA_NEW(arena, Dump, 1);
  *v = (Vectors){.dump = dump, .op = op};
  Open o = {arena, v, &vector_layout[op], false, tokens};
  TRY(dump_open(arena, path, dump, st));
  TRY(find_cases(&o, st));
  for (int i = 0; i < v->cases; i++) TRY(check_case(&o, &v->one[i], st));
  return true;
}

/* --- elements --------------------------------------------------------------------------------- */

static bool check_numbers(const Vectors *v, const VectorCase *c, int i, const Tensor *t,
                          Status *st) {
  const size_t n = tensor_elements(t);
  for (size_t k = 0; t->format != FORMAT_I8 && k < n; k++)
    if (isnan(tensor_value(t, k)))
      return FAIL(st, VECTOR_AT "holds a NaN at [%zu, %zu]; numbers were expected",
                  VECTOR_IN(v, c, i), k / (size_t)t->cols, k % (size_t)t->cols);
  return true;
}

bool vectors_read(Arena *arena, const Vectors *v, const VectorCase *c, VectorData *data,
                  Status *st) {
  const VectorLayout *layout = &vector_layout[v->op];
  *data = (VectorData){.eps = eps_usual};
  for (int i = 0; i < layout->arrays; i++) {
    const DumpAxes axes = {c->axes[i], -1};
    Tensor *t = &data->t[i];
    if (!c->array[i]) continue;
    TRY(dump_read(arena, v->dump, c->array[i], &axes, NULL, t, st));
    if (!vector_is_output(&layout->array[i])) TRY(check_numbers(v, c, i, t, st));
    if (layout->array[i].take != TAKE_NUMBER) continue;
    data->eps = (float)tensor_value(t, 0);
    if (!(isfinite(data->eps) && data->eps >= 0))
      return FAIL(st, VECTOR_AT "is %g, a finite number of at least 0 was expected",
                  VECTOR_IN(v, c, i), (double)data->eps);
  }
  return true;
}
