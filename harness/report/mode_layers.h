/* mode_layers: what a mode that differs by layer is in which layers. */
#ifndef DS_REPORT_MODE_LAYERS_H
#define DS_REPORT_MODE_LAYERS_H
#include "report/data.h"

/* Layers, by whether each is one of them: "layer 11", "layers 0–3, 11 and 20–21". */
const char *mode_layers_list(Language l, Arena *arena, const bool in[LAYERS_MOST], int layers);
/* Where two modes, of which one may be the reference, have different settings in a column of
 * table_modes; how many layers. */
int mode_layers_differ(const ReportData *d, const ReportPair *pair, int column,
                       bool in[LAYERS_MOST]);
/* A mode's setting in a column of table_modes, with the layers where it has several; "" of a stage
 * of another family. */
const char *mode_layers_setting(Arena *arena, const ReportData *d, const char *mode, int column);
/* "layers 0–3 as `fp32`; layer 11 as `2-4`, but `state` `bf16`; …": every layer once, named by the
 * preset that is nearest; "" where they are all alike. */
const char *mode_layers_words(Arena *arena, const ReportData *d, const char *mode);
#endif
