/* was: names that other rooms still use. */
#ifndef DS_FAMILY_WAS_H
#define DS_FAMILY_WAS_H
#include "family/family.h"
#include "family/mamba1.h"
typedef int TensorId;
typedef int Dim;
typedef int ScaleId;
enum { S_NONE = -1 };
const Tensors *was_tensors(void);
#define tensor_info (was_tensors()->info)
#define tensor_id(name) tensors_find(was_tensors(), name)
#define dim_names (was_tensors()->dim)
const struct Stage *was_stages(void);
const struct Mode *was_presets(void);
int was_stage_count(void), was_preset_count(void);
#define mode_stages was_stages()
#define mode_stage_count was_stage_count()
#define mode_presets was_presets()
#define mode_preset_count was_preset_count()
#define scale_names (was_tensors()->scale)
#endif
