/* data: what a report is made of: the rows of every table and the texts of the file's root, read
 * once; and what follows from them: pairs, prompts, number of layers. The formatter sees nothing
 * else, so it is tested on rows made by hand. */
#ifndef DS_REPORT_DATA_H
#define DS_REPORT_DATA_H
#include "family/trace.h"
#include "measure/tables.h"
#include "report/language.h"
#include "report/rows_by.h"
#include "spec/spec.h"
#include "store/store.h"

/* Texts of the results file's root; any of them may be absent (NULL). */
typedef enum About {
  ABOUT_TITLE,
  ABOUT_QUESTION,
  ABOUT_SPEC_RAW,
  ABOUT_SPEC_EFFECTIVE,
  ABOUT_PROGRAM,
  ABOUT_COMMIT,
  ABOUT_COMMAND,
  ABOUT_BACKEND,
  ABOUT_DEVICE,
  ABOUT_COMPILER,
  ABOUT_FLAGS,
  ABOUT_MACHINE,
  ABOUT_DATE,
  ABOUT_SEED,
  ABOUT_MODEL,
  ABOUT_MODEL_SHAPE,
  ABOUT_REWRITE,
  ABOUT_REWRITE_PROOF,
  ABOUT_SPEC_PATH,
  ABOUT_SPEC_DIGEST,
  ABOUT_WEIGHTS_DIGEST,
  ABOUT_TEXT_DIGEST,
  ABOUT_PROGRAM_DIGEST,
  ABOUT_LAYERS,
  ABOUT_PROMPT_TEXT,
  ABOUT_PROMPTS_HELD,
  ABOUT_PROMPTS_SPAN,
  ABOUT_PROMPTS_REPEATED, /* how many, the first one, and whose tokens it has, a line each */
  ABOUT_UNUSED_WEIGHTS,
  ABOUT_UNUSED_WEIGHTS_COUNT,
  ABOUT_DIFFERENT_INPUTS,
  ABOUT_INPUTS_ALLOWED,
  ABOUT_COUNT
} About;
extern const char *const about_names[ABOUT_COUNT];

enum { FOLLOWED = 4 };

typedef struct ReportPair {
  const char *base, *other;
  const Verdict *verdict; /* NULL where the file has none */
  bool made_elsewhere;    /* one of them is a source: nobody knows by which kernels it was made */
} ReportPair;

typedef struct ReportData {
  Language language; /* of the report */
  const char *about[ABOUT_COUNT];
  struct Figures *figures; /* where sections draw; NULL: they draw nothing */
  TableRows *tables;       /* one for each of tables[], in that order */
  int table_count;
  int unproved; /* tensors and tables of the file without a digest, and the first of them */
  const char *first_unproved;
  /* Of the file, for a run wrote them: tables, "/tables/a, /tables/b", and attributes that are not
   * there; "" or NULL: none. And so many tables that were removed, or written anew. */
  const char *missing_tables, *missing_attributes;
  int removed_tables;
  /* from here on: data_arrange */
  const TensorStats *tensor;
  const PairStats *pair_row;
  const Clipping *clipping;
  const Drift *drift;
  const DriftShape *shape;
  const Event *event;
  const Repair *repair;
  const RepairLayer *repair_layer;
  const EventStrip *event_strip;
  const EventMap *event_map;
  size_t clippings, events, repairs, repair_layers, event_strips, event_maps;
  const GateRow *gate;
  const Verdict *verdict;
  const ModeRow *mode;
  const ScaleRow *scale;
  const Performance *performance;
  const Budget *budget;
  const BudgetLayer *budget_layer;
  const Swap *swap;
  const SwapEffect *swap_effect;
  const Restoration *restoration;
  const Evaluation *evaluation;
  const EvaluationPair *evaluation_pair;
  const EvaluationWindow *evaluation_window;
  const EvaluationToken *evaluation_token;
  const TaskScore *task_score;
  const TaskPair *task_pair;
  size_t task_scores, task_pairs;
  const Cost *cost;
  const CostBytes *cost_bytes;
  size_t tensors, pair_rows, drifts, shapes, gates, verdicts, modes, scales, performances, budgets,
      budget_layers, evaluations, evaluation_pairs, evaluation_windows, evaluation_tokens, costs,
      cost_bytes_rows;
  size_t swaps, swap_effects, restorations;
  const Mend *mend;
  const MendLayer *mend_layer;
  const ScaleChoice *scale_choice;
  size_t mends, mend_layers, scale_choices;
  const GridPoint *grid;
  size_t grids;
  const MicroRow *micro;
  const MicroBin *micro_bin;
  const MicroWorst *micro_worst;
  const StateDrift *state_drift;
  const StateError *state_error;
  size_t micros, micro_bins, micro_worsts, state_drifts, state_errors;
  const SourceRow *source;
  const SourceLeft *source_left;
  const SourceValues *source_values;
  const Undone *undone;
  const ThreeWay *three_way;
  size_t undones, sources, source_lefts, source_valued, three_ways;
  RowsBy tensor_by, pair_by; /* rows of a mode's tensor; of a pair */
  RowsBy strip_by, map_by;   /* of a pair's events */
  Tensors traced;     /* as the file tells them; those of the first family where it does not */
  DriftLimits limits; /* of the words about drift */
  const char *followed[FOLLOWED]; /* tensors that are followed over the layers: what leaves a layer
                                   * first, then those with roles, then others as they come */
  int followeds;
  int layers;          /* 0 where nothing tells */
  const char **prompt; /* names, as first met */
  int prompts;
  ReportPair *pair; /* what the spec asked for; where it asked for nothing else, the modes against
                       the reference */
  int pairs;
  ReportPair *against; /* every pair whose base is the reference */
  int againsts;
} ReportData;

/* Fills what follows from `about` and `tables`; absent tables are empty. */
void data_arrange(Arena *arena, ReportData *d);

/* NULL where there is no such row; `prompt` or `mode` NULL: any. */
const TensorStats *data_tensor(const ReportData *d, const char *prompt, const char *mode,
                               const char *tensor, int layer);
const PairStats *data_pair(const ReportData *d, const ReportPair *pair, const char *prompt,
                           const char *tensor, int layer);
const Drift *data_drift(const ReportData *d, const ReportPair *pair, const char *tensor, int layer);
/* The name of the tensor that has this role; "" where none has, which no row is of. */
const char *data_role(const ReportData *d, Role role);
const DriftShape *data_shape(const ReportData *d, const ReportPair *pair, const char *tensor);
/* What was asked of these two modes by this metric, in either order; NULL: nothing. */
const EvaluationPair *data_evaluation(const ReportData *d, const char *a, const char *b,
                                      const char *metric);
/* The settings of a mode in a layer; NULL where the file has none. Files without columns of layers
 * have one row a mode. */
const ModeRow *data_mode(const ReportData *d, const char *name, int layer);
/* Whether it has several rows: it differs by layer. */
bool data_mode_parted(const ReportData *d, const char *name);
/* The first row of a pair; rows_by_next is the one behind it. */
int64_t data_first_of(const RowsBy *by, const ReportPair *pair);
/* The same pair of names in a row. */
bool data_is_pair(const ReportPair *pair, const char *base, const char *other);
/* Is this the name of the float64 reference? */
bool data_is_reference(const char *mode);
/* The row of a source; NULL where this is none. */
const SourceRow *data_source(const ReportData *d, const char *name);
/* How many pair rows there are, in how many the bits are equal, and in how many the kernels;
 * `tensor` NULL: of all tensors. */
typedef struct Tally {
  int rows, identical, same_kernel;
} Tally;
Tally data_tally(const ReportData *d, const ReportPair *pair, const char *tensor);
/* Every tensor that was compared is equal in every bit. */
bool data_identical(const ReportData *d, const ReportPair *pair);
#endif
