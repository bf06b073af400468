/* options: the flags of the command line, parsed by argp. Every command takes some of one common
 * set; --help shows the defaults of spec/defaults.h. */
#ifndef DS_COMMAND_OPTIONS_H
#define DS_COMMAND_OPTIONS_H
#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/deal.h"
#include "report/language.h"
#include "spec/defaults.h"
#include "study/micro/vectors.h"

enum { ARGUMENTS_MAX = 1024, MODES_MAX = 64, TASKS_MAX = 64, DUMPS_MOST = 2 };

/* Keys of the options a command takes, for options_parse. */
enum {
  OPT_OUTPUT = 'o',
  OPT_QUIET = 'q',
  OPT_FRESH = 256,
  OPT_DRY_RUN,
  OPT_MODEL,
  OPT_TEXT,
  OPT_TOKENS,
  OPT_SCALES_TEXT,
  OPT_SCALES_TOKENS,
  OPT_OWN_TEXT,
  OPT_OWN_TOKENS,
  OPT_OWN_CALIBRATION,
  OPT_CALIBRATION,
  OPT_REWRITE,
  OPT_BACKEND,
  OPT_THREADS,
  OPT_MEMORY,
  OPT_OFFSET,
  OPT_LENGTH,
  OPT_WINDOWS,
  OPT_WINDOW_LENGTH,
  OPT_ALPHA,
  OPT_JSON,
  OPT_VECTORS,
  OPT_VECTORS_MODE,
  OPT_AXES,
  OPT_MIN_EQUAL,
  OPT_SEED,
  OPT_MODE,
  OPT_EVAL_WINDOWS,
  OPT_EVAL_LENGTH,
  OPT_TASK,
  OPT_LANGUAGE,
  OPT_STRICT,
  OPT_IGNORE_UNUSED,
  OPT_SHAPE,
  OPT_TYPE,
  OPT_CHOICES,
  OPT_BENCH_LENGTH,
  OPT_BENCH_MODEL,
  OPT_JOB,
  OPT_GROWTH,
  OPT_AGAINST,
  OPT_BENCH_OUTPUT,
  OPT_TOKENIZER,
  OPT_ADD_BOS,
  OPT_NO_BOS,
  OPT_PIECES,
  OPT_READ_TEXT,
  OPT_NAMES,
  OPT_SHARD,
  OPT_SHARE_DEVICE,
  OPT_FILE, /* -o, of a command that writes one file */
  OPT_COUNT
};
#define OPTION_KEYS(...) ((const int[]){__VA_ARGS__, 0})

typedef struct Options {
  const char *argument[ARGUMENTS_MAX];
  int arguments;
  const char *folder, *model, *text, *tokens, *calibration, *rewrite, *backend,
      *tokenizer;                              /* NULL: not given */
  int64_t offset;                              /* -1: not given */
  int threads, length, windows, window_length; /* threads -1: not given */
  const char *vectors, *vectors_mode;          /* NULL: not given */
  TokenAxis token_axis;
  int64_t memory;          /* bytes; 0: not given */
  int64_t seed;            /* -1: not given */
  double alpha, min_equal; /* min_equal -1: not given */
  int eval_windows, eval_length;
  int bench_length;        /* 0: not given */
  const char *bench_model; /* NULL: not given */
  bool job, growth;
  const char *against;         /* NULL: not given */
  const char *mode[MODES_MAX]; /* every --mode, else QUAMBA_MODE: a name, or several with commas
                                * between */
  int modes;
  const char *task[TASKS_MAX];
  int tasks;
  bool fresh, dry_run, quiet, json, strict, ignore_unused, choices, pieces;
  bool add_bos, no_bos, model_given, share_device;
  const char *shape, *type; /* NULL: not given */
  const char *names[DUMPS_MOST];
  int dumps_named;
  Shard shard;           /* shards 0: not given */
  Language language;     /* of the report */
  bool given[OPT_COUNT]; /* by key */
} Options;

typedef struct Usage {
  const char *name;      /* of the command */
  const char *arguments; /* "RESULTS.h5 [AFTER.h5]": those in brackets may be left out;
                            "…" at its end: the last may be given again and again */
  const char *doc;       /* what it does; after a \v what follows the options: examples */
  int wanted;            /* number of arguments that may not */
  const int *keys;       /* ends with 0 */
} Usage;

enum { OPTIONS_MOST = 64 };
/* The options that a command takes, as --help shows them; zeroes behind the last. */
void options_of(const Usage *usage, struct argp_option option[OPTIONS_MOST]);

/* Prints help and exits with 0 where asked to; on a wrong command line prints one line and exits
 * with status 2. */
Options options_parse(const Usage *usage, int argc, char **argv);

/* Fails where one of these options (OPTION_KEYS) was given: "--NAME: why". */
bool options_refuse(const Options *o, const int *keys, const char *why, Status *st);

#endif
