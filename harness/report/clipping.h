/* clipping: what of the report tells of errors beyond the ends of static grids, shared by its
 * section and its figure. */
#ifndef DS_REPORT_CLIPPING_H
#define DS_REPORT_CLIPPING_H
#include "report/data.h"

/* A tensor of a mode on its grid, in every prompt and layer; one with others whose figures are the
 * same in all of them, as where one int8 form is handed on under several names. */
typedef struct GridTensor {
  const char **name; /* [names] */
  int names;
  const Clipping **row; /* [rows], of the first name, as the file has them */
  size_t rows;
  const Clipping *worst; /* that with the largest share of its squared error beyond an end; NULL:
                            none lies beyond */
} GridTensor;

/* Share of the squared error that lies beyond at one layer, over all prompts: squares over those of
 * a prompt's reference, each prompt with the weight of its elements; what has no finite figure is
 * left out. NaN where there is no error. */
double clipping_share(const GridTensor *t, int layer);
#endif
