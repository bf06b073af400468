/* events: rows of single tokens that carry much of a layer's error, of the values that made them,
 * and of runs with such a value repaired. */
#ifndef DS_MEASURE_TABLES_EVENTS_H
#define DS_MEASURE_TABLES_EVENTS_H
#include "measure/tables/table.h"

/* A token that carries much of a layer's squared error of block_out, from the first layer in which
 * it does to the one in which it no longer does (measure/events.h); and, of the largest, what it
 * was traced to (study/trace.h). */
typedef struct Event {
  char base[TEXT_NAME], other[TEXT_NAME], prompt[TEXT_NAME];
  int32_t token;
  int32_t layer;                                 /* the first */
  char piece[TEXT_PIECE], context[TEXT_CONTEXT]; /* its text */
  int32_t last_layer,
      healed_layer;         /* healed: the first after it that is none any more; -1: it lasts */
  int32_t rank;             /* of the pair: 1: carries most, at its peak, of |base|_2 */
  double share, peak_share; /* of the layer's squared error: there, and at most */
  int32_t peak_layer;
  double error,
      error_median;    /* relative error of the token, and of the median one, in the first layer */
  int32_t grown_layer; /* where, up to the first layer, its squared error grew most: traced there */
  char through[TEXT_REASON]; /* tensors of that layer of whose squared error the token has more than
                                the share */
  char origin[16]; /* "element": one makes at least half of it; "spread": none; "": not traced */
  char repaired[TEXT_NAME], to[TEXT_NAME]; /* the side whose element is given the other's value */
  char tensor[TEXT_TENSOR];                /* the element; of "spread" the one that comes nearest */
  int32_t element_token, element_channel;
  double value, value_to; /* there, in `repaired` and in `to` */
  double grid_end;        /* of the grid that the element has in `repaired`; NaN: it has none */
  int32_t clipped;        /* 1: value_to lies beyond it */
  double removed;         /* share of the token's squared error in that layer that goes with it */
  char made[TEXT_TENSOR]; /* the later tensor of the layer in which the token's error is most in one
                             channel, */
  int32_t made_channel;
  double made_value, made_to; /* and that channel's value in both */
} Event;

/* What the repair of an element does: `repaired` ran again with its value in `to`. Relative errors
 * are those of the pair: of other against base. */
typedef struct Repair {
  char base[TEXT_NAME], other[TEXT_NAME], prompt[TEXT_NAME];
  int32_t layer;
  char tensor[TEXT_TENSOR];
  int32_t token, channel;
  int32_t event_token; /* whose error is looked at: of an element that the spec names, its own */
  char repaired[TEXT_NAME], to[TEXT_NAME];
  double value, value_to;
  int32_t asked;               /* 1: named by the spec; 0: traced from an event */
  double rel_l2, rel_l2_after; /* of that layer's block_out */
  double share, share_after;   /* of the token, of that layer's squared error */
  double removed;              /* share of the token's squared error there that went with it */
  double last_rel_l2, last_rel_l2_after; /* of the last block_out */
  double logits_rel_l2, logits_rel_l2_after;
  double kl, kl_after; /* mean over the tokens of KL(base || other), in bits */
} Repair;

/* The same, layer by layer. */
typedef struct RepairLayer {
  char base[TEXT_NAME], other[TEXT_NAME], prompt[TEXT_NAME];
  int32_t layer; /* of the repaired element */
  char tensor[TEXT_TENSOR];
  int32_t token, channel, event_token;
  char repaired[TEXT_NAME], to[TEXT_NAME];
  int32_t at_layer;
  double rel_l2, rel_l2_after; /* of block_out */
  double share, share_after;   /* of the token */
} RepairLayer;

/* The relative error of a token in a layer, of the prompt of a pair in which its largest event
 * stands (else its first prompt): for pictures. Of long prompts the worst of so many tokens. */
typedef struct EventStrip {
  char base[TEXT_NAME], other[TEXT_NAME], prompt[TEXT_NAME];
  int32_t layer, token, tokens; /* from `token` on so many */
  char piece[TEXT_PIECE];       /* text of the first of them, as in Event */
  double error, share; /* share: of the layer's squared error of block_out, of all of them */
} EventStrip;

/* The largest |difference| of a pair in a piece of a tensor, tokens x channels, of the layer where
 * its largest event was traced: for pictures. */
typedef struct EventMap {
  char base[TEXT_NAME], other[TEXT_NAME], prompt[TEXT_NAME];
  int32_t layer;
  char tensor[TEXT_TENSOR];
  int32_t token, channel, tokens, channels; /* from token and channel on so many */
  double error;                             /* over the root mean square of the base's tensor */
} EventMap;

extern const Table table_events, table_repairs, table_repair_layers, table_event_strip,
    table_event_map;
#endif
