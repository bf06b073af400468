/* pickle: a stack of values, as pickletools.py describes each instruction (protocols 2 to 5). */
#include "source/dump/pickle.h"

#include <string.h>

#include "source/dump/pickle_parts.h"

/* --- stack and memo --------------------------------------------------------------------------- */

static Pickled **larger(Arena *arena, Pickled **old, int count, int *room) {
  *room = 2 * *room + 16;
  Pickled **new = ARENA_NEW(arena, Pickled *, *room);
  if (count) memcpy(new, old, (size_t)count * sizeof *new);
  return new;
}

void pickle_push(Machine *m, Pickled *value) {
  if (m->depth == m->room) m->stack = larger(m->arena, m->stack, m->depth, &m->room);
  m->stack[m->depth++] = value;
}

Pickled *pickle_push_new(Machine *m, PickledKind kind) {
  Pickled *value = ARENA_NEW(m->arena, Pickled, 1);
  value->kind = kind;
  pickle_push(m, value);
  return value;
}

bool pickle_stack_bad(Machine *m) {
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

void pickle_add(Machine *m, Pickled *list, Pickled *const *value, int count) {
  while (list->items + count > list->room)
    list->item = larger(m->arena, list->item, list->items, &list->room);
  for (int i = 0; i < count; i++) list->item[list->items++] = value[i];
}

static bool memo_put(Machine *m, uint64_t place) {
  enum { MEMO_MOST = 1 << 26 };
  if (!top(m)) return pickle_stack_bad(m);
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
  pickle_push(m, m->memo[place]);
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
  pickle_push_new(m, kind)->text = value;
  return true;
}

static bool push_number(Machine *m, int bytes, bool is_signed) {
  uint64_t value;
  TRY(number(m, bytes, &value));
  const int unused = 64 - 8 * bytes;
  pickle_push_new(m, PICKLED_NUMBER)->number =
      is_signed ? (int64_t)(value << unused) >> unused : (int64_t)value;
  return true;
}

/* Of any length; one that no int64_t holds is nothing that an array is made of. */
static bool push_long(Machine *m, int length_bytes) {
  uint64_t length;
  TRY(number(m, length_bytes, &length));
  if (length > (uint64_t)(m->end - m->at)) return cut_off(m);
  if (length >= 1 && length <= 8) return push_number(m, (int)length, true);
  pickle_push_new(m, length ? PICKLED_OTHER : PICKLED_NUMBER);
  m->at += length;
  return true;
}

/* --- instructions ----------------------------------------------------------------------------- */

static bool push_tuple(Machine *m, int count) {
  if (m->depth < count) return pickle_stack_bad(m);
  Pickled *const *value = m->stack + m->depth - count;
  for (int i = 0; i < count; i++)
    if (!value[i]) return pickle_stack_bad(m);
  Pickled *tuple = ARENA_NEW(m->arena, Pickled, 1);
  tuple->kind = PICKLED_LIST;
  pickle_add(m, tuple, value, count);
  m->depth -= count;
  pickle_push(m, tuple);
  return true;
}

static bool push_marked(Machine *m, PickledKind kind) {
  Pickled **value, *made = ARENA_NEW(m->arena, Pickled, 1);
  const int count = pop_mark(m, &value);
  if (count < 0 || (kind == PICKLED_DICT && count % 2)) return pickle_stack_bad(m);
  made->kind = kind;
  pickle_add(m, made, value, count);
  pickle_push(m, made);
  return true;
}

/* Values behind the mark, or the last `single`, go into the list or dictionary before them. */
static bool add_to(Machine *m, PickledKind kind, int single) {
  int count = single;
  if (m->depth < single + 1) return pickle_stack_bad(m);
  Pickled **value = m->stack + m->depth - single;
  for (int i = 0; i < single; i++)
    if (!value[i]) return pickle_stack_bad(m);
  if (single)
    m->depth -= single;
  else
    count = pop_mark(m, &value);
  Pickled *to = count < 0 ? NULL : top(m);
  if (to && to->kind == PICKLED_FOREIGN) return true; /* whatever it does with them */
  if (!to || to->kind != kind || (kind == PICKLED_DICT && count % 2)) return pickle_stack_bad(m);
  pickle_add(m, to, value, count);
  return true;
}

static bool global(Machine *m) {
  const char *module, *name;
  TRY(line(m, &module));
  TRY(line(m, &name));
  return pickle_push_class(m, module, name), true;
}

static bool stack_global(Machine *m) {
  const Pickled *name = pop(m), *module = name ? pop(m) : NULL;
  if (!module || name->kind != PICKLED_TEXT || module->kind != PICKLED_TEXT)
    return pickle_stack_bad(m);
  return pickle_push_class(m, module->text, name->text), true;
}

static bool reduce(Machine *m) {
  Pickled *with = pop(m), *class = with ? pop(m) : NULL;
  return class ? pickle_call(m, class, with) : pickle_stack_bad(m);
}

/* An object of a class, before its state: as if the class were called; `with_names`: arguments by
 * name stand behind the others. */
static bool new_object(Machine *m, bool with_names) {
  if (with_names && !pop(m)) return pickle_stack_bad(m);
  return reduce(m);
}

/* State on top of a dictionary (a state_dict's _metadata), a tensor or what is foreign: none of it
 * is a value. */
static bool build(Machine *m) {
  if (!pop(m) || !top(m)) return pickle_stack_bad(m);
  return true;
}

static bool persistent(Machine *m) {
  const Pickled *id = pop(m);
  return id ? pickle_push_storage(m, id) : pickle_stack_bad(m);
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

static bool other(Machine *m) { return pickle_push_new(m, PICKLED_OTHER), true; }

/* Its most significant byte first. */
static bool push_float(Machine *m) {
  uint64_t bits;
  TRY(number(m, 8, &bits));
  bits = __builtin_bswap64(bits);
  memcpy(&pickle_push_new(m, PICKLED_FLOAT)->real, &bits, sizeof bits);
  return true;
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
    case '(': return pickle_push(m, NULL), true;
    case '0': return pop(m) ? true : pickle_stack_bad(m);
    case '2': return top(m) ? (pickle_push(m, top(m)), true) : pickle_stack_bad(m);
    case 'N':
    case 0x88:
    case 0x89: return other(m);
    case 'G': return push_float(m);
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
    case ']': return pickle_push_new(m, PICKLED_LIST), true;
    case '}': return pickle_push_new(m, PICKLED_DICT), true;
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
    case 0x81: return new_object(m, false);
    case 0x92: return new_object(m, true);
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
  m.stack = larger(arena, NULL, 0, &m.room);
  m.memo = larger(arena, NULL, 0, &m.memo_room);
  while (m.at < m.end) {
    const unsigned char op = (unsigned char)*m.at++;
    if (op != '.') {
      TRY(step(&m, op));
      continue;
    }
    *root = pop(&m);
    return *root ? true : pickle_stack_bad(&m);
  }
  return cut_off(&m);
}
