/* pickle: a stack of values, as pickletools.py describes each instruction (protocols 2 to 5), and
 * the calls that torch writes (torch/_utils.py, torch/serialization.py). */
#include "source/dump/pickle.h"

#include <string.h>

#include "source/dump/parts.h"

typedef enum Role {
  ROLE_DICT,      /* called with nothing it is a dictionary */
  ROLE_TENSOR,    /* with storage, offset, size and stride, and more that changes no value */
  ROLE_TYPED,     /* the same, with the type as the seventh */
  ROLE_PARAMETER, /* with a tensor it is that */
  ROLE_FROM,      /* with what makes a tensor, its class, and that one's arguments */
  ROLE_SIZE,      /* with a tuple it is that */
  ROLE_OTHER,     /* whatever it is called with, no array comes of it */
  ROLE_STORAGE,   /* the class of a storage */
  ROLE_TYPE,      /* a type of elements */
  ROLE_CLASS      /* of tensors */
} Role;

/* Storages of a type that is not read are passed over with their tensors. */
enum { UNTYPED = -2, UNREAD = -1 };

static const struct Global {
  const char *name;
  Role role;
  int type;
} globals[] = {
    {"collections.OrderedDict", ROLE_DICT, UNREAD},
    {"torch._utils._rebuild_tensor", ROLE_TENSOR, UNREAD},
    {"torch._utils._rebuild_tensor_v2", ROLE_TENSOR, UNREAD},
    {"torch._utils._rebuild_tensor_v3", ROLE_TYPED, UNREAD},
    {"torch._utils._rebuild_parameter", ROLE_PARAMETER, UNREAD},
    {"torch._utils._rebuild_parameter_with_state", ROLE_PARAMETER, UNREAD},
    {"torch._tensor._rebuild_from_type_v2", ROLE_FROM, UNREAD},
    {"torch.Size", ROLE_SIZE, UNREAD},
    {"torch.device", ROLE_OTHER, UNREAD},
    {"_codecs.encode", ROLE_OTHER, UNREAD},
    {"torch.Tensor", ROLE_CLASS, UNREAD},
    {"torch.nn.parameter.Parameter", ROLE_CLASS, UNREAD},
    {"torch.storage.UntypedStorage", ROLE_STORAGE, UNTYPED},
    {"torch.DoubleStorage", ROLE_STORAGE, DUMP_F64},
    {"torch.FloatStorage", ROLE_STORAGE, DUMP_F32},
    {"torch.HalfStorage", ROLE_STORAGE, DUMP_F16},
    {"torch.BFloat16Storage", ROLE_STORAGE, DUMP_BF16},
    {"torch.CharStorage", ROLE_STORAGE, DUMP_I8},
    {"torch.ByteStorage", ROLE_STORAGE, DUMP_U8},
    {"torch.ShortStorage", ROLE_STORAGE, DUMP_I16},
    {"torch.IntStorage", ROLE_STORAGE, DUMP_I32},
    {"torch.LongStorage", ROLE_STORAGE, DUMP_I64},
    {"torch.BoolStorage", ROLE_STORAGE, DUMP_BOOL},
    {"torch.ComplexFloatStorage", ROLE_STORAGE, UNREAD},
    {"torch.ComplexDoubleStorage", ROLE_STORAGE, UNREAD},
    {"torch.float64", ROLE_TYPE, DUMP_F64},
    {"torch.float32", ROLE_TYPE, DUMP_F32},
    {"torch.float16", ROLE_TYPE, DUMP_F16},
    {"torch.bfloat16", ROLE_TYPE, DUMP_BF16},
    {"torch.float8_e4m3fn", ROLE_TYPE, DUMP_F8_E4M3},
    {"torch.float8_e5m2", ROLE_TYPE, DUMP_F8_E5M2},
    {"torch.int8", ROLE_TYPE, DUMP_I8},
    {"torch.uint8", ROLE_TYPE, DUMP_U8},
    {"torch.int16", ROLE_TYPE, DUMP_I16},
    {"torch.uint16", ROLE_TYPE, DUMP_U16},
    {"torch.int32", ROLE_TYPE, DUMP_I32},
    {"torch.uint32", ROLE_TYPE, DUMP_U32},
    {"torch.int64", ROLE_TYPE, DUMP_I64},
    {"torch.uint64", ROLE_TYPE, DUMP_U64},
    {"torch.bool", ROLE_TYPE, DUMP_BOOL},
    {"torch.float8_e4m3fnuz", ROLE_TYPE, UNREAD},
    {"torch.float8_e5m2fnuz", ROLE_TYPE, UNREAD},
    {"torch.float8_e8m0fnu", ROLE_TYPE, UNREAD},
    {"torch.float4_e2m1fn_x2", ROLE_TYPE, UNREAD},
    {"torch.complex32", ROLE_TYPE, UNREAD},
    {"torch.complex64", ROLE_TYPE, UNREAD},
    {"torch.complex128", ROLE_TYPE, UNREAD},
};

typedef struct Machine {
  Arena *arena;
  const char *path;
  const char *at, *end;
  Pickled **stack; /* NULL in it is a mark */
  int depth, room;
  Pickled **memo;
  int memos, memo_room;
  Status *st;
} Machine;

#define BAD(m, ...) FAIL((m)->st, __VA_ARGS__)

/* --- stack and memo --------------------------------------------------------------------------- */

static Pickled **larger(Arena *arena, Pickled **old, int count, int *room) {
  *room = 2 * *room + 16;
  Pickled **new = ARENA_NEW(arena, Pickled *, *room);
  if (count) memcpy(new, old, (size_t)count * sizeof *new);
  return new;
}

static void push(Machine *m, Pickled *value) {
  if (m->depth == m->room) m->stack = larger(m->arena, m->stack, m->depth, &m->room);
  m->stack[m->depth++] = value;
}

static Pickled *push_new(Machine *m, PickledKind kind) {
  Pickled *value = ARENA_NEW(m->arena, Pickled, 1);
  value->kind = kind;
  push(m, value);
  return value;
}

static bool stack_bad(Machine *m) {
  return BAD(m, "%s: its pickle is damaged: its stack does not hold what it takes", m->path);
}

/* A value, which is no mark; NULL where there is none. */
static Pickled *top(const Machine *m) { return m->depth ? m->stack[m->depth - 1] : NULL; }
static Pickled *pop(Machine *m) { return top(m) ? m->stack[--m->depth] : NULL; }

/* The values behind the last mark: their number, and they are gone from the stack with it; -1 where
 * there is no mark. They stand where they stood until something is pushed. */
static int pop_mark(Machine *m, Pickled ***value) {
  int at = m->depth;
  while (at > 0 && m->stack[at - 1]) at--;
  if (at == 0) return -1;
  const int count = m->depth - at;
  *value = m->stack + at;
  m->depth = at - 1;
  return count;
}

static void add(Machine *m, Pickled *list, Pickled *const *value, int count) {
  while (list->items + count > list->room)
    list->item = larger(m->arena, list->item, list->items, &list->room);
  for (int i = 0; i < count; i++) list->item[list->items++] = value[i];
}

static bool memo_put(Machine *m, uint64_t place) {
  enum { MEMO_MOST = 1 << 26 };
  if (!top(m)) return stack_bad(m);
  /* Places are given one by one. */
  if (place > (uint64_t)m->memos || place > MEMO_MOST)
    return BAD(m, "%s: its pickle is damaged: a value is remembered at place %llu of %d", m->path,
               (unsigned long long)place, m->memos);
  while (place >= (uint64_t)m->memo_room)
    m->memo = larger(m->arena, m->memo, m->memos, &m->memo_room);
  m->memo[place] = top(m);
  if ((int)place >= m->memos) m->memos = (int)place + 1;
  return true;
}

static bool memo_get(Machine *m, uint64_t place) {
  if (place >= (uint64_t)m->memos || !m->memo[place])
    return BAD(m, "%s: its pickle is damaged: nothing was remembered at place %llu", m->path,
               (unsigned long long)place);
  push(m, m->memo[place]);
  return true;
}

/* --- what stands behind an instruction -------------------------------------------------------- */

static bool cut_off(Machine *m) { return BAD(m, "%s: its pickle is cut off", m->path); }

static bool number(Machine *m, int bytes, uint64_t *value) {
  *value = 0;
  if (m->end - m->at < bytes) return cut_off(m);
  for (int i = bytes - 1; i >= 0; i--) *value = *value << 8 | (unsigned char)m->at[i];
  m->at += bytes;
  return true;
}

/* `count` bytes as a text that ends where it holds a NUL. */
static bool text(Machine *m, uint64_t count, const char **value) {
  if (count > (uint64_t)(m->end - m->at)) return cut_off(m);
  char *copy = arena_room(m->arena, (size_t)count + 1, 1);
  if (count) memcpy(copy, m->at, (size_t)count);
  copy[count] = 0;
  m->at += count;
  *value = copy;
  return true;
}

static bool line(Machine *m, const char **value) {
  const char *newline = memchr(m->at, '\n', (size_t)(m->end - m->at));
  if (!newline) return cut_off(m);
  TRY(text(m, (uint64_t)(newline - m->at), value));
  m->at++;
  return true;
}

static bool push_text(Machine *m, int length_bytes, PickledKind kind) {
  uint64_t length;
  const char *value;
  TRY(number(m, length_bytes, &length));
  TRY(text(m, length, &value));
  push_new(m, kind)->text = value;
  return true;
}

static bool push_number(Machine *m, int bytes, bool is_signed) {
  uint64_t value;
  TRY(number(m, bytes, &value));
  const int unused = 64 - 8 * bytes;
  push_new(m, PICKLED_NUMBER)->number =
      is_signed ? (int64_t)(value << unused) >> unused : (int64_t)value;
  return true;
}

/* Of any length; one that no int64_t holds is nothing that an array is made of. */
static bool push_long(Machine *m, int length_bytes) {
  uint64_t length;
  TRY(number(m, length_bytes, &length));
  if (length > (uint64_t)(m->end - m->at)) return cut_off(m);
  if (length >= 1 && length <= 8) return push_number(m, (int)length, true);
  push_new(m, length ? PICKLED_OTHER : PICKLED_NUMBER);
  m->at += length;
  return true;
}

/* --- classes and calls ------------------------------------------------------------------------ */

static bool push_class(Machine *m, const char *module, const char *name) {
  const char *full = arena_printf(m->arena, "%.200s.%.200s", module, name);
  for (size_t i = 0; i < sizeof globals / sizeof *globals; i++) {
    if (strcmp(globals[i].name, full) != 0) continue;
    Pickled *class = push_new(m, PICKLED_CLASS);
    class->text = full;
    class->role = (int)globals[i].role;
    class->type = globals[i].type;
    return true;
  }
  return BAD(m,
             "%s: holds a %s, which is no tensor, dict, list, tuple, text or number; nothing of a "
             "file is executed: save its tensors alone, torch.save({NAME: TENSOR, …}, FILE)",
             m->path, full);
}

static bool is_class(const Pickled *value, Role role) {
  return value->kind == PICKLED_CLASS && value->role == (int)role;
}

/* ('storage', class, key, location, elements). */
static bool push_storage(Machine *m, const Pickled *id) {
  if (id->kind != PICKLED_LIST || id->items < 5 || id->item[0]->kind != PICKLED_TEXT ||
      strcmp(id->item[0]->text, "storage") != 0 || !is_class(id->item[1], ROLE_STORAGE) ||
      id->item[2]->kind != PICKLED_TEXT || id->item[4]->kind != PICKLED_NUMBER)
    return BAD(m, "%s: its pickle refers to what is no storage of a tensor", m->path);
  Pickled *storage = push_new(m, PICKLED_STORAGE);
  storage->text = id->item[2]->text;
  storage->type = id->item[1]->type;
  storage->number = id->item[4]->number;
  return true;
}

static bool numbers(const Pickled *list, int64_t *to, int most) {
  if (list->kind != PICKLED_LIST || list->items > most) return false;
  for (int i = 0; i < list->items; i++) {
    if (list->item[i]->kind != PICKLED_NUMBER || list->item[i]->number < 0) return false;
    to[i] = list->item[i]->number;
  }
  return true;
}

static bool push_tensor(Machine *m, const Pickled *with, bool typed) {
  if (with->items < (typed ? 7 : 4) || with->item[0]->kind != PICKLED_STORAGE ||
      with->item[1]->kind != PICKLED_NUMBER || with->item[1]->number < 0 ||
      (typed && !is_class(with->item[6], ROLE_TYPE)))
    return BAD(m, "%s: a tensor of it is not made of storage, offset, size and stride", m->path);
  Pickled *t = push_new(m, PICKLED_TENSOR), *const storage = with->item[0];
  t->type = typed ? with->item[6]->type : storage->type;
  t->text = typed ? with->item[6]->text : "torch.complex64";
  t->number = with->item[1]->number;
  t->rank = with->item[2]->items;
  if (!numbers(with->item[2], t->size, DUMP_RANK_MOST) ||
      !numbers(with->item[3], t->stride, DUMP_RANK_MOST) || with->item[3]->items != t->rank)
    return BAD(m,
               "%s: a tensor of it has no size and stride of at most %d numbers that are not below "
               "0",
               m->path, DUMP_RANK_MOST);
  if (!typed && storage->type == UNTYPED)
    return BAD(m, "%s: a tensor of it has a storage without a type, and none itself", m->path);
  add(m, t, &storage, 1);
  return true;
}

static bool call(Machine *m, const Pickled *class, Pickled *with) {
  if (class->kind != PICKLED_CLASS || with->kind != PICKLED_LIST) return stack_bad(m);
  switch ((Role) class->role) {
    case ROLE_DICT:
      if (with->items) break;
      return push_new(m, PICKLED_DICT), true;
    case ROLE_TENSOR: return push_tensor(m, with, false);
    case ROLE_TYPED: return push_tensor(m, with, true);
    case ROLE_PARAMETER:
      if (with->items < 1 || with->item[0]->kind != PICKLED_TENSOR) break;
      return push(m, with->item[0]), true;
    case ROLE_SIZE:
      if (with->items != 1 || with->item[0]->kind != PICKLED_LIST) break;
      return push(m, with->item[0]), true;
    case ROLE_FROM:
      if (with->items < 3 || !is_class(with->item[1], ROLE_CLASS) ||
          (!is_class(with->item[0], ROLE_TENSOR) && !is_class(with->item[0], ROLE_TYPED)))
        break;
      return call(m, with->item[0], with->item[2]);
    case ROLE_OTHER: return push_new(m, PICKLED_OTHER), true;
    default: break;
  }
  return BAD(m, "%s: its pickle calls %s with what it does not take", m->path, class->text);
}

/* --- instructions ----------------------------------------------------------------------------- */

static bool push_tuple(Machine *m, int count) {
  if (m->depth < count) return stack_bad(m);
  Pickled *const *value = m->stack + m->depth - count;
  for (int i = 0; i < count; i++)
    if (!value[i]) return stack_bad(m);
  Pickled *tuple = ARENA_NEW(m->arena, Pickled, 1);
  tuple->kind = PICKLED_LIST;
  add(m, tuple, value, count);
  m->depth -= count;
  push(m, tuple);
  return true;
}

static bool push_marked(Machine *m, PickledKind kind) {
  Pickled **value, *made = ARENA_NEW(m->arena, Pickled, 1);
  const int count = pop_mark(m, &value);
  if (count < 0 || (kind == PICKLED_DICT && count % 2)) return stack_bad(m);
  made->kind = kind;
  add(m, made, value, count);
  push(m, made);
  return true;
}

/* Values behind the mark, or the last `single`, go into the list or dictionary before them. */
static bool add_to(Machine *m, PickledKind kind, int single) {
  int count = single;
  if (m->depth < single + 1) return stack_bad(m);
  Pickled **value = m->stack + m->depth - single;
  for (int i = 0; i < single; i++)
    if (!value[i]) return stack_bad(m);
  if (single)
    m->depth -= single;
  else
    count = pop_mark(m, &value);
  Pickled *to = count < 0 ? NULL : top(m);
  if (!to || to->kind != kind || (kind == PICKLED_DICT && count % 2)) return stack_bad(m);
  add(m, to, value, count);
  return true;
}

static bool global(Machine *m) {
  const char *module, *name;
  return line(m, &module) && line(m, &name) && push_class(m, module, name);
}

static bool stack_global(Machine *m) {
  const Pickled *name = pop(m), *module = name ? pop(m) : NULL;
  if (!module || name->kind != PICKLED_TEXT || module->kind != PICKLED_TEXT) return stack_bad(m);
  return push_class(m, module->text, name->text);
}

static bool reduce(Machine *m) {
  Pickled *with = pop(m), *class = with ? pop(m) : NULL;
  return class ? call(m, class, with) : stack_bad(m);
}

/* State on top of a dictionary (a state_dict's _metadata) or a tensor: none of it is a value. */
static bool build(Machine *m) {
  if (!pop(m) || !top(m)) return stack_bad(m);
  return true;
}

static bool persistent(Machine *m) {
  const Pickled *id = pop(m);
  return id ? push_storage(m, id) : stack_bad(m);
}

static bool put(Machine *m, int bytes) {
  uint64_t place;
  return number(m, bytes, &place) && memo_put(m, place);
}

static bool get(Machine *m, int bytes) {
  uint64_t place;
  return number(m, bytes, &place) && memo_get(m, place);
}

static bool skip(Machine *m, int bytes) {
  uint64_t unused;
  return number(m, bytes, &unused);
}

static bool other(Machine *m, int bytes) {
  uint64_t unused;
  if (bytes) TRY(number(m, bytes, &unused));
  return push_new(m, PICKLED_OTHER), true;
}

static bool protocol(Machine *m) {
  uint64_t version;
  TRY(number(m, 1, &version));
  return (version >= 2 && version <= 5) ||
         BAD(m, "%s: its pickle is of protocol %llu, 2 to 5 are read", m->path,
             (unsigned long long)version);
}

static bool step(Machine *m, unsigned char op) {
  switch (op) {
    case 0x80: return protocol(m);
    case 0x95: return skip(m, 8); /* a frame's length */
    case '(': return push(m, NULL), true;
    case '0': return pop(m) ? true : stack_bad(m);
    case '2': return top(m) ? (push(m, top(m)), true) : stack_bad(m);
    case 'N':
    case 0x88:
    case 0x89: return other(m, 0);
    case 'G': return other(m, 8);
    case 'K': return push_number(m, 1, false);
    case 'M': return push_number(m, 2, false);
    case 'J': return push_number(m, 4, true);
    case 0x8a: return push_long(m, 1);
    case 0x8b: return push_long(m, 4);
    case 'X': return push_text(m, 4, PICKLED_TEXT);
    case 0x8c: return push_text(m, 1, PICKLED_TEXT);
    case 0x8d: return push_text(m, 8, PICKLED_TEXT);
    case 'U': return push_text(m, 1, PICKLED_TEXT);
    case 'T': return push_text(m, 4, PICKLED_TEXT);
    case 'C': return push_text(m, 1, PICKLED_OTHER);
    case 'B': return push_text(m, 4, PICKLED_OTHER);
    case 0x8e:
    case 0x96: return push_text(m, 8, PICKLED_OTHER);
    case ']': return push_new(m, PICKLED_LIST), true;
    case '}': return push_new(m, PICKLED_DICT), true;
    case ')': return push_tuple(m, 0);
    case 0x85: return push_tuple(m, 1);
    case 0x86: return push_tuple(m, 2);
    case 0x87: return push_tuple(m, 3);
    case 't':
    case 'l': return push_marked(m, PICKLED_LIST);
    case 'd': return push_marked(m, PICKLED_DICT);
    case 'a': return add_to(m, PICKLED_LIST, 1);
    case 'e': return add_to(m, PICKLED_LIST, 0);
    case 's': return add_to(m, PICKLED_DICT, 2);
    case 'u': return add_to(m, PICKLED_DICT, 0);
    case 'c': return global(m);
    case 0x93: return stack_global(m);
    case 'R': return reduce(m);
    case 'b': return build(m);
    case 'Q': return persistent(m);
    case 'q': return put(m, 1);
    case 'r': return put(m, 4);
    case 0x94: return memo_put(m, (uint64_t)m->memos);
    case 'h': return get(m, 1);
    case 'j': return get(m, 4);
    default:
      return BAD(m, "%s: its pickle has the instruction 0x%02x, which torch.save does not write",
                 m->path, op);
  }
}

bool pickle_read(Arena *arena, const char *path, Bytes pickle, const Pickled **root, Status *st) {
  Machine m = {
      .arena = arena, .path = path, .at = pickle.data, .end = pickle.data + pickle.count, .st = st};
  while (m.at < m.end) {
    const unsigned char op = (unsigned char)*m.at++;
    if (op != '.') {
      TRY(step(&m, op));
      continue;
    }
    *root = pop(&m);
    return *root ? true : stack_bad(&m);
  }
  return cut_off(&m);
}
