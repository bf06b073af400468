#include "measure/tables/events.h"

#include "measure/tables/columns.h"

#define ROW Event
TABLE(events, 5,
      "Events: single tokens that carry much of a layer's squared error, and the values that made "
      "them",
      X(base), X(other), X(prompt), X(token), X(layer), X(piece), X(context), X(last_layer),
      X(healed_layer), X(rank), X(share), X(peak_share), X(peak_layer), X(error), X(error_median),
      X(grown_layer), X(through), X(origin), X(repaired), X(to), X(tensor), X(element_token),
      X(element_channel), X(value), X(value_to), X(grid_end), X(clipped), X(removed), X(made),
      X(made_channel), X(made_value), X(made_to));
#undef ROW

#define ROW Repair
TABLE(repairs, 10, "Repairs: a mode run again with one element at the other's value", X(base),
      X(other), X(prompt), X(layer), X(tensor), X(token), X(channel), X(event_token), X(repaired),
      X(to), X(value), X(value_to), X(asked), X(rel_l2), X(rel_l2_after), X(share), X(share_after),
      X(removed), X(last_rel_l2), X(last_rel_l2_after), X(logits_rel_l2), X(logits_rel_l2_after),
      X(kl), X(kl_after));
#undef ROW

#define ROW RepairLayer
TABLE(repair_layers, 11, "Repairs, layer by layer", X(base), X(other), X(prompt), X(layer),
      X(tensor), X(token), X(channel), X(event_token), X(repaired), X(to), X(at_layer), X(rel_l2),
      X(rel_l2_after), X(share), X(share_after));
#undef ROW

#define ROW EventStrip
TABLE(event_strip, 5, "Events: relative error of each token and layer, of one prompt of each pair",
      X(base), X(other), X(prompt), X(layer), X(token), X(tokens), X(piece), X(error), X(share));
#undef ROW

#define ROW EventMap
TABLE(event_map, 7, "Events: the difference by token and channel where the largest was traced",
      X(base), X(other), X(prompt), X(layer), X(tensor), X(token), X(channel), X(tokens),
      X(channels), X(error));
#undef ROW
