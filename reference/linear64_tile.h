/* linear64_tile: the products of a few outputs with a panel of tokens, for one width of vector:
 * linear64.c includes this once a width, having said what a vector is (VECTOR, of WIDTH numbers;
 * LOAD, STORE, SPREAD and FMA work on it), how many OUTPUTS go together, and what the function is
 * called (TILE) and compiled for (TARGET).
 *
 * sum [OUTPUTS][VECTORS * WIDTH] goes on with the products of k = 0 … depth - 1, in that order. All
 * sums stay in registers; for each k a panel's vectors are loaded once and each weight is spread
 * over a register once. */
static inline __attribute__((always_inline)) TARGET void
JOIN(TILE, _of)(const double *const w[], const double *panel, int depth, const int vectors,
                double *sum) {
  VECTOR s[OUTPUTS][PANEL_VECTORS];
  for (int o = 0; o < OUTPUTS; o++)
    for (int v = 0; v < vectors; v++) s[o][v] = LOAD(sum + (o * vectors + v) * WIDTH);
  for (int k = 0; k < depth; k++, panel += vectors * WIDTH) {
    VECTOR x[PANEL_VECTORS];
    for (int v = 0; v < vectors; v++) x[v] = LOAD(panel + v * WIDTH);
#pragma GCC unroll 8
    for (int o = 0; o < OUTPUTS; o++) {
      const VECTOR one = SPREAD(w[o][k]);
      for (int v = 0; v < vectors; v++) s[o][v] = FMA(one, x[v], s[o][v]);
    }
  }
  for (int o = 0; o < OUTPUTS; o++)
    for (int v = 0; v < vectors; v++) STORE(sum + (o * vectors + v) * WIDTH, s[o][v]);
}

static TARGET void TILE(const double *const w[], const double *panel, int depth, int vectors,
                        double *sum) {
  if (vectors == 3)
    JOIN(TILE, _of)(w, panel, depth, 3, sum);
  else if (vectors == 2)
    JOIN(TILE, _of)(w, panel, depth, 2, sum);
  else
    JOIN(TILE, _of)(w, panel, depth, 1, sum);
}

#undef VECTOR
#undef WIDTH
#undef LOAD
#undef STORE
#undef SPREAD
#undef FMA
#undef OUTPUTS
#undef TILE
#undef TARGET
