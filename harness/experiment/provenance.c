#include "experiment/provenance.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "base/number.h"
#include "kernels/level.h"

#include "build_info.h" /* BUILD_COMMIT, BUILD_FLAGS: written by the Makefile */

#ifdef __clang__
#define COMPILER __VERSION__ /* its name is in it */
#else
#define COMPILER "gcc " __VERSION__
#endif

enum { ATTRIBUTES_MAX = 32 };

/* "AMD EPYC 9554, x86-64-v4-vnni, Linux 6.1.0, 16 threads" as far as the machine tells: where there
 * are levels, the one that runs stands for the architecture. */
static const char *machine(Arena *arena) {
  char cpu[49] = "";
#ifdef __x86_64__
  unsigned *word = (unsigned *)(void *)cpu;
  for (unsigned leaf = 0; leaf < 3; leaf++, word += 4)
    if (!__get_cpuid(0x80000002u + leaf, word, word + 1, word + 2, word + 3)) cpu[0] = 0;
#endif
  struct utsname system;
  uname(&system);
  return arena_printf(arena, "%s, %s, %s %s, %d thread%s",
                      cpu[0] ? cpu + strspn(cpu, " ") : "processor unnamed",
                      level_name(1) ? level_now() : system.machine, system.sysname, system.release,
                      omp_get_max_threads(), plural(omp_get_max_threads()));
}

/* ISO 8601, UTC; SOURCE_DATE_EPOCH where it is set. */
static const char *date(Arena *arena) {
  const char *fixed = getenv("SOURCE_DATE_EPOCH");
  time_t now = fixed ? (time_t)strtoll(fixed, NULL, 10) : time(NULL);
  char text[32] = "";
  struct tm parts;
  if (gmtime_r(&now, &parts)) strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return arena_printf(arena, "%s", text);
}

Attribute *provenance_attributes(Arena *arena, const Spec *spec, const Subject *subject,
                                 const Device *device, const char *command, int *count) {
  const Config *c = &subject->checkpoint.config;
  Attribute *list = ARENA_NEW(arena, Attribute, ATTRIBUTES_MAX + PROVENANCE_MORE);
  int n = 0;
#define TEXT(key, value) (list[n++] = (Attribute){.name = (key), .text = (value)})
  TEXT("title", spec->title);
  TEXT("question", spec->question);
  TEXT("program", DRIFTSCOPE_VERSION);
  TEXT("commit", BUILD_COMMIT);
  TEXT("command", command);
  TEXT("spec_path", spec->path);
  TEXT("spec_raw", spec->raw);
  TEXT("spec_effective", spec_print(arena, spec));
  if (spec->model) {
    TEXT("model", spec->model);
    TEXT("model_shape", family_sizes(arena, c));
    TEXT("rewrite", spec->rewrite == REWRITE_QUAMBA ? "quamba" : "none");
  }
  if (subject->checkpoint.unused) {
    TEXT("unused_weights", subject->checkpoint.unused_names);
    TEXT("unused_weights_count", arena_printf(arena, "%zu", subject->checkpoint.unused));
  }
  if (subject->reader.used) {
    TEXT("tokenizer", tokenizer_name(subject->reader.tokenizer));
    TEXT("tokenizer_digest",
         arena_printf(arena, "%s", tokenizer_digest(subject->reader.tokenizer).hex));
  }
  TEXT("layers", arena_printf(arena, "%d", c->layers));
  if (subject->prompt_text) TEXT("prompt_text", subject->prompt_text);
  if (subject->prompt_text)
    TEXT("prompts_span", arena_printf(arena, "%.4g", subject->prompts_span));
  if (subject->prompt_text)
    TEXT("prompts_held", arena_printf(arena, "%lld", (long long)subject->prompts_held));
  if (subject->repeated)
    TEXT("prompts_repeated", arena_printf(arena, "%d\n%s\n%s", subject->repeated,
                                          subject->repeated_one, subject->repeated_other));
  if (spec->model && spec->rewrite == REWRITE_QUAMBA)
    TEXT("rewrite_proof", arena_printf(arena, "%.3g", subject->rewrite_proof));
  if (spec->model) TEXT("backend", device->found ? device->cuda.ops.backend : ops_cpu.backend);
  if (device->found) TEXT("device", device->cuda.name);
  TEXT("machine", machine(arena));
  TEXT("compiler", COMPILER);
  TEXT("flags", BUILD_FLAGS);
  TEXT("date", date(arena));
  TEXT("seed", arena_printf(arena, "%lld", (long long)spec->seed));
#undef TEXT
  *count = n;
  return list;
}
