#include "measure/tables/sources.h"

#include "measure/tables/columns.h"

#define ROW SourceRow
TABLE(sources, 1, "Sources: sides whose tensors were made elsewhere", X(source), X(dump), X(names),
      X(arrays), X(used), X(layers), X(masked));
#undef ROW

#define ROW SourceLeft
TABLE(source_left, 2, "Sources: arrays that are no tensor of the run", X(source), X(array), X(type),
      X(shape));
#undef ROW

#define ROW SourceValues
TABLE(source_values, 4, "Sources: of which precision the values are", X(prompt), X(source),
      X(tensor), X(layer), X(n), X(as_f16), X(as_bf16), X(grid_scale), X(grid_levels));
#undef ROW

#define ROW Undone
TABLE(undone, 5, "Sources: tensors of rewritten weights beside plain ones", X(prompt), X(base),
      X(other), X(tensor), X(layer), X(cols), X(rewritten), X(side), X(reason), X(back), X(rel_l2),
      X(other_l2));
#undef ROW

#define ROW ThreeWay
TABLE(three_way, 5, "Against a third: the errors of two, and their ratio", X(base), X(other),
      X(against), X(tensor), X(layer), X(prompts), X(error_base), X(error_other), INTERVAL(ratio),
      X(sigma_ratio), X(overlap), X(worst_l2), X(worst_max_abs));
#undef ROW
