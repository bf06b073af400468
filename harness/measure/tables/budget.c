#include "measure/tables/budget.h"

#include "measure/tables/columns.h"

#define ROW Budget
TABLE(budget, 4, "Error budget: what each layer makes by itself, and what it passes on", X(prompt),
      X(base), X(other), X(layer), X(base_l2), X(in_l2), X(total_l2), X(local_l2), X(inherited_l2),
      X(interaction_l2), X(local_share), X(inherited_share), X(interaction_share), X(gain),
      X(in_median), X(total_median), X(local_median), X(inherited_median), X(interaction_median),
      X(gain_median));
#undef ROW

#define ROW BudgetLayer
TABLE(budget_layers, 3,
      "Error budget over the prompts: what each layer makes and passes on, with intervals", X(base),
      X(other), X(layer), X(prompts), X(left_out), INTERVAL(in), INTERVAL(total), INTERVAL(local),
      INTERVAL(inherited), INTERVAL(interaction), INTERVAL(local_share), INTERVAL(inherited_share),
      INTERVAL(interaction_share), INTERVAL(gain), X(gain_needed), INTERVAL(in_median),
      INTERVAL(total_median), INTERVAL(local_median), INTERVAL(inherited_median),
      INTERVAL(interaction_median), INTERVAL(gain_median), INTERVAL(local_parting),
      INTERVAL(gain_parting));
#undef ROW
