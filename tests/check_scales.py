"""Tensors of a results file, read with h5py and scaled by NumPy, against the values that they were made of.

    python3 tests/check_scales.py RESULTS.h5 VALUES.bin TENSOR...

VALUES.bin: float64, the tensors one after the other. Prints one line a tensor; exits 1 at the first that differs, 77
where h5py is missing.
"""
import sys

try:
    import h5py
    import numpy as np
except ImportError:
    sys.exit(77)

from check_tables import values

with h5py.File(sys.argv[1]) as file:
    want, at = np.fromfile(sys.argv[2]), 0
    for name in sys.argv[3:]:
        got = values(file[name])
        if got.dtype != np.float32 or not np.array_equal(got.ravel(), want[at : at + got.size]):
            sys.exit(f"{name}: not the values that it was made of")
        at += got.size
        print(f"{name}: {got.shape[0]} x {got.shape[1]} values")
    if at != len(want) or not at:
        sys.exit(f"{at} values read, {len(want)} made")
