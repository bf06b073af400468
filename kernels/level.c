#include "kernels/level.h"

#include <string.h>

/* NOLINTNEXTLINE(bugprone-macro-parentheses): a parameter list has its own */
#define POINTER(type, name, parameters, arguments) type(*name) parameters;
typedef struct Level {
  const char *name;
  LEVEL_EACH(POINTER)
} Level;
#undef POINTER

/* The Makefile compiles the operators for these where it finds an x86-64. */
#ifdef __x86_64__
#define DECLARE(type, name, parameters, arguments)                                                 \
  type name##_v3 parameters;                                                                       \
  type name##_v4 parameters;                                                                       \
  type name##_vnni parameters;
LEVEL_EACH(DECLARE)
#undef DECLARE
#endif

#define BASE(type, name, parameters, arguments) .name = name##_base,
#define V3(type, name, parameters, arguments) .name = name##_v3,
#define V4(type, name, parameters, arguments) .name = name##_v4,
#define VNNI(type, name, parameters, arguments) .name = name##_vnni,
static const Level levels[] = {
    {.name = "portable", LEVEL_EACH(BASE)},
#ifdef __x86_64__
    {.name = "x86-64-v3", LEVEL_EACH(V3)},
    {.name = "x86-64-v4", LEVEL_EACH(V4)},
    {.name = "x86-64-v4-vnni", LEVEL_EACH(VNNI)},
#endif
};

/* How many of them this processor has; each has what those before it have. */
static int levels_here(void) {
  int count = 1;
#ifdef __x86_64__
  __builtin_cpu_init();
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                  __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  const bool v4 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
  count += v3;
  count += v3 && v4;
  count += v3 && v4 && __builtin_cpu_supports("avx512vnni");
#endif
  return count;
}

static const Level *now = levels;

__attribute__((constructor)) static void choose_highest(void) { now = &levels[levels_here() - 1]; }

const char *level_name(int i) { return i < levels_here() ? levels[i].name : NULL; }

const char *level_now(void) { return now->name; }

bool level_choose(const char *name) {
  for (int i = 0; i < levels_here(); i++)
    if (!strcmp(levels[i].name, name)) return now = &levels[i], true;
  return false;
}

#define FORWARD(type, name, parameters, arguments)                                                 \
  type name parameters { return now->name arguments; }
LEVEL_EACH(FORWARD)
