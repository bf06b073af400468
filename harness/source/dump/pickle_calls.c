/* pickle_calls: Python's names that are known, and what each makes of what it is called with, as
 * torch writes it (torch/_utils.py, torch/serialization.py). */
#include <string.h>

#include "source/dump/pickle_parts.h"

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

static bool push_foreign(Machine *m, const char *name, bool made) {
  Pickled *foreign = pickle_push_new(m, PICKLED_FOREIGN);
  foreign->text = name;
  foreign->made = made;
  return true;
}

void pickle_push_class(Machine *m, const char *module, const char *name) {
  const char *full = arena_printf(m->arena, "%.200s.%.200s", module, name);
  for (size_t i = 0; i < sizeof globals / sizeof *globals; i++) {
    if (strcmp(globals[i].name, full) != 0) continue;
    Pickled *class = pickle_push_new(m, PICKLED_CLASS);
    class->text = full;
    class->role = (int)globals[i].role;
    class->type = globals[i].type;
    return;
  }
  push_foreign(m, full, false);
}

static bool is_class(const Pickled *value, Role role) {
  return value->kind == PICKLED_CLASS && value->role == (int)role;
}

/* ('storage', class, key, location, elements). */
bool pickle_push_storage(Machine *m, const Pickled *id) {
  if (id->kind == PICKLED_LIST && id->items > 1 && id->item[1]->kind == PICKLED_FOREIGN)
    return push_foreign(m, id->item[1]->text, true);
  if (id->kind != PICKLED_LIST || id->items < 5 || id->item[0]->kind != PICKLED_TEXT ||
      strcmp(id->item[0]->text, "storage") != 0 || !is_class(id->item[1], ROLE_STORAGE) ||
      id->item[2]->kind != PICKLED_TEXT || id->item[4]->kind != PICKLED_NUMBER)
    return BAD(m, "%s: its pickle refers to what is no storage of a tensor", m->path);
  Pickled *storage = pickle_push_new(m, PICKLED_STORAGE);
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
  Pickled *t = pickle_push_new(m, PICKLED_TENSOR), *const storage = with->item[0];
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
  pickle_add(m, t, &storage, 1);
  return true;
}

/* Of arguments that a known class takes: the foreign one that what it makes would stand on; NULL
 * where there is none. */
static const Pickled *foreign_in(const Pickled *class, const Pickled *with) {
  const int most = class->role == ROLE_FROM ? 2 : class->role == ROLE_OTHER ? 0 : 1;
  for (int i = 0; i < most && i < with->items; i++)
    if (with->item[i]->kind == PICKLED_FOREIGN) return with->item[i];
  return NULL;
}

/* A function that makes an object is told the object's class first, which says more. */
static bool call_foreign(Machine *m, const Pickled *function, const Pickled *with) {
  const Pickled *first = with->items ? with->item[0] : NULL;
  const bool told = first && first->kind == PICKLED_FOREIGN && !first->made;
  return push_foreign(m, told ? first->text : function->text, true);
}

bool pickle_call(Machine *m, const Pickled *class, const Pickled *with) {
  if (class->kind == PICKLED_FOREIGN && with->kind == PICKLED_LIST)
    return call_foreign(m, class, with);
  if (class->kind != PICKLED_CLASS || with->kind != PICKLED_LIST) return pickle_stack_bad(m);
  const Pickled *foreign = foreign_in(class, with);
  if (foreign) return push_foreign(m, foreign->text, true);
  switch ((Role) class->role) {
    case ROLE_DICT:
      if (with->items) break;
      return pickle_push_new(m, PICKLED_DICT), true;
    case ROLE_TENSOR: return push_tensor(m, with, false);
    case ROLE_TYPED: return push_tensor(m, with, true);
    case ROLE_PARAMETER:
      if (with->items < 1 || with->item[0]->kind != PICKLED_TENSOR) break;
      return pickle_push(m, with->item[0]), true;
    case ROLE_SIZE:
      if (with->items != 1 || with->item[0]->kind != PICKLED_LIST) break;
      return pickle_push(m, with->item[0]), true;
    case ROLE_FROM:
      if (with->items < 3 || !is_class(with->item[1], ROLE_CLASS) ||
          (!is_class(with->item[0], ROLE_TENSOR) && !is_class(with->item[0], ROLE_TYPED)))
        break;
      return pickle_call(m, with->item[0], with->item[2]);
    case ROLE_OTHER: return pickle_push_new(m, PICKLED_OTHER), true;
    default: break;
  }
  return BAD(m, "%s: its pickle calls %s with what it does not take", m->path, class->text);
}
