/* paley: Hadamard matrices by their definition, entry by entry: what every transform of this
 * project is held against. */
#ifndef DS_TESTS_PALEY_H
#define DS_TESTS_PALEY_H

/* Euler's criterion: r^((q-1)/2) mod q is 1 for squares and q - 1 for the rest. */
static inline int legendre(int r, int q) {
  r = (r % q + q) % q;
  int power = 1;
  for (int i = 0; i < (q - 1) / 2; i++) power = power * r % q;
  return power == q - 1 ? -1 : power;
}

static inline int paley_sign(int order, int i, int j) {
  if (order == 1) return 1;
  if (order != 28) return i == j ? 1 : i == 0 ? 1 : j == 0 ? -1 : legendre(i - j, order - 1);
  static const int on_diagonal[2][2] = {{1, -1}, {-1, -1}}, off_diagonal[2][2] = {{1, 1}, {1, -1}};
  const int a = i / 2, b = j / 2;
  if (a == b) return on_diagonal[i % 2][j % 2];
  return (a == 0 || b == 0 ? 1 : legendre(a - b, 13)) * off_diagonal[i % 2][j % 2];
}

/* Entry (row, col) of H = P (x) H_2^k of size n = order 2^k. */
static inline int hadamard_entry(int order, int n, int row, int col) {
  const int width = n / order,
            parity = __builtin_popcount((unsigned)(row % width) & (unsigned)(col % width)) & 1;
  return paley_sign(order, row / width, col / width) * (parity ? -1 : 1);
}
#endif
