#include "family/generic.h"

typedef struct Generic {
  Family family; /* stands first: a config's family is this */
  int width[DIMS_MOST];
} Generic;

static int width_of(const Config *config, int dim) {
  return ((const Generic *)config->family)->width[dim];
}

/* The dimension of this size, which is named after it. */
static bool dim_of(Arena *arena, Generic *generic, int size, int *dim, Status *st) {
  Tensors *tensors = &generic->family.tensors;
  for (*dim = DIM_TOKEN + 1; *dim < tensors->dims; ++*dim)
    if (generic->width[*dim] == size) return true;
  if (tensors->dims == DIMS_MOST)
    return FAIL(st, "its tensors have more than %d different sizes", DIMS_MOST - 1);
  generic->width[*dim] = size;
  tensors->dim[*dim] = arena_printf(arena, "size_%d", size);
  tensors->dims++;
  return true;
}

bool family_generic(Arena *arena, const GenericTensor *tensor, int of_layer, int count,
                    const Family **family, Status *st) {
  Generic *generic = ARENA_NEW(arena, Generic, 1);
  TensorInfo *info = ARENA_NEW(arena, TensorInfo, count);
  *generic = (Generic){.family = {.name = "generic",
                                  .title = "tensors of a dump",
                                  .model_type = "",
                                  .architecture = "",
                                  .width = width_of}};
  Tensors *tensors = &generic->family.tensors;
  *tensors = (Tensors){.info = info, .layer = of_layer, .count = count, .all = count, .dims = 1};
  tensors->dim[DIM_TOKEN] = "token";
  if (count > TENSORS_MOST)
    return FAIL(st, "it has %d tensors a layer and at the ends; %d can be compared", count,
                TENSORS_MOST);
  for (int id = 0; id < count; id++) {
    info[id] = (TensorInfo){.name = tensor[id].name,
                            .long_name = tensor[id].name,
                            .scale = ABSENT,
                            .role = tensor[id].role,
                            .rows = DIM_TOKEN,
                            .basis = family_basis(tensor[id].name, tensor[id].role)};
    if (tensor[id].rows != GENERIC_TOKENS)
      TRY(dim_of(arena, generic, tensor[id].rows, &info[id].rows, st));
    TRY(dim_of(arena, generic, tensor[id].cols, &info[id].cols, st));
  }
  *family = &generic->family;
  return true;
}
