#!/usr/bin/python3
"""Reads a results file with h5py, pandas, and xarray on both of its netCDF engines, and compares what they see.

usage: read_results.py RESULTS.h5

float16 stored as such (keep: {f16_as: f16}) is read with h5py and h5netcdf only: netCDF has no float16, and netCDF4
1.7.3 to 1.7.5 end in a segmentation fault on it.

Prints one line a check. Exit status: 0 all hold, 1 one does not, 77 a package is missing.
"""
import contextlib
import sys

try:
    import h5netcdf  # noqa: F401  the engines of xarray
    import h5py
    import netCDF4  # noqa: F401
    import numpy as np
    import pandas as pd
    import tables  # noqa: F401  what pandas.read_hdf stands on
    import xarray as xr
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

WIDTHS = ["d_model", "d_inner", "d_inner2", "dt_bc", "dt_rank", "d_state", "vocab"]
DIGESTS = ["spec_digest", "weights_digest", "text_digest", "program_digest"]
TYPES = {np.dtype(name) for name in ("<f4", "<f2", "<f8", "i1")}
failures = 0


def check(holds, what, detail=""):
    global failures
    failures += not holds
    print(("ok      " if holds else "FAILED  ") + what + (f": {detail}" if detail and not holds else ""))


def tensors_of(group):
    return {name: item for name, item in group.items() if isinstance(item, h5py.Dataset)}


def same_bits(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def is_float16(values):
    with np.errstate(over="ignore"):
        return np.array_equal(values.astype("<f2").astype(values.dtype), values, equal_nan=True)


def check_tensor(tensor, prompt):
    """What is wrong with a tensor, or the scales beside one, as h5py shows it; None where nothing is."""
    of_scales = tensor.name.endswith(".scale")
    scaled = tensor.dtype == "i1" and tensor.name + ".scale" not in tensor.file
    attributes = {"digest", "long_name", "units", "axis" if of_scales else "kernel"}
    attributes |= {"scale_factor"} if scaled else set()
    if tensor.dtype not in TYPES:
        return f"type {tensor.dtype}"
    if not attributes <= set(tensor.attrs):
        return f"lacks {attributes - set(tensor.attrs)}"
    if len(tensor.attrs["digest"]) != 32 or tensor.attrs["units"] != b"1":
        return "digest or units"
    if tensor.dtype == "<f2" and "format" not in tensor.attrs:
        return "float16 has no format"
    if "format" in tensor.attrs and (tensor.attrs["format"] != b"float16" or not is_float16(tensor[:])):
        return f"format {tensor.attrs['format']} is not that of the values"
    if scaled and tensor.attrs["scale_factor"].dtype != np.float32:
        return "scale_factor is not float32"
    for axis, dimension in enumerate(tensor.dims):
        if len(dimension) != 1 or dimension[0] != prompt[dimension.label]:
            return f"axis {axis} has no scale {dimension.label}"
        if dimension[0].shape[0] != tensor.shape[axis]:
            return f"axis {axis} is as long as no scale"
    return None


def check_with_h5py(file):
    check(all(len(file.attrs.get(name, b"")) == 32 for name in DIGESTS), "h5py: the digests of the run are there")
    for prompt_name, prompt in file["prompts"].items():
        token = prompt["token"]
        ids = prompt["token_id"]
        scales = [prompt[name].attrs["CLASS"] == b"DIMENSION_SCALE" for name in ["token", *WIDTHS]]
        positions = token.dtype == np.int32 and np.array_equal(token[:], np.arange(len(token)))
        check(positions, f"h5py: {prompt_name}: token")
        check(ids.dtype == np.int32 and ids.dims[0][0] == token, f"h5py: {prompt_name}: token_id")
        check(all(scales), f"h5py: {prompt_name}: dimension scales")
        for mode_name, mode in prompt.items():
            if not isinstance(mode, h5py.Group):
                continue
            layers = [name for name, item in mode.items() if isinstance(item, h5py.Group)]
            numbers = [int(name.removeprefix("layer_")) for name in layers]
            where = f"h5py: {prompt_name}/{mode_name}"
            check(numbers == sorted(numbers), f"{where}: {len(layers)} layers in order", layers)
            tensors = [tensor for group in [mode, *(mode[layer] for layer in layers)]
                       for tensor in tensors_of(group).values()]
            faults = [f"{tensor.name}: {fault}" for tensor in tensors if (fault := check_tensor(tensor, prompt))]
            check(not faults, f"{where}: types, attributes and scales of {len(tensors)} tensors", faults[:3])


def check_with_pandas(path, file):
    for name, table in file.get("tables", {}).items():
        frame = pd.read_hdf(path, f"tables/{name}")
        raw = table[:]
        texts = [column for column in raw.dtype.names if raw.dtype[column].kind == "S"]
        check(list(frame.columns) == list(raw.dtype.names) and len(frame) == len(raw),
              f"pandas: tables/{name}: {len(raw)} rows, {len(raw.dtype.names)} columns")
        all_str = all(isinstance(value, str) for column in texts for value in frame[column])
        check(all_str, f"pandas: tables/{name}: texts are str")
        wrong = [column for column in raw.dtype.names if list(map(str, frame[column])) !=
                 [value.decode() if column in texts else str(value) for value in raw[column]]]
        check(not wrong, f"pandas: tables/{name}: values", wrong)


def wrong_with_xarray(path, group, engine):
    """The tensors of a group whose values, dimensions or raw values differ from h5py's."""
    wrong = []
    factors = any("scale_factor" in tensor.attrs for tensor in tensors_of(group).values())
    with xr.open_dataset(path, group=group.name, engine=engine) as scaled, \
            xr.open_dataset(path, group=group.name, engine=engine, mask_and_scale=False) if factors \
            else contextlib.nullcontext() as raw:
        if set(scaled.data_vars) != set(tensors_of(group)):
            return ["other tensors"]
        for name, tensor in tensors_of(group).items():
            want = tensor[:]
            if "scale_factor" in tensor.attrs:
                value = want.astype(np.float32) * tensor.attrs["scale_factor"]
                good = same_bits(raw[name].values, want) and same_bits(scaled[name].values, value)
            else:
                good = same_bits(scaled[name].values, want)
            if not good or list(scaled[name].dims) != [dimension.label for dimension in tensor.dims]:
                wrong.append(name)
    return wrong


def check_with_xarray(path, file, engine):
    """Every mode of the first prompt, and of the others one: opening a group takes long."""
    for number, (prompt_name, prompt) in enumerate(file["prompts"].items()):
        with xr.open_dataset(path, group=prompt.name, engine=engine) as opened:
            equal = [np.array_equal(opened[name], prompt[name][:]) for name in ("token", "token_id")]
            check(all(equal) and len(opened.variables) == 2, f"xarray {engine}: {prompt_name}: tokens")
        modes = [(name, mode) for name, mode in prompt.items() if isinstance(mode, h5py.Group)]
        for mode_name, mode in modes if number == 0 else modes[:1]:
            layers = [item for item in mode.values() if isinstance(item, h5py.Group)]
            for group in [mode, *layers[:1], *(layers[-1:] if len(layers) > 1 else [])]:
                if not tensors_of(group):
                    continue
                if engine == "netcdf4" and any(tensor.dtype == "<f2" for tensor in tensors_of(group).values()):
                    continue
                wrong, name = wrong_with_xarray(path, group, engine), group.name.removeprefix("/prompts/")
                check(not wrong, f"xarray {engine}: {name}: {len(tensors_of(group))} tensors", wrong)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    path = sys.argv[1]
    with h5py.File(path, "r") as file:
        check_with_h5py(file)
        check_with_pandas(path, file)
        for engine in ("h5netcdf", "netcdf4"):
            check_with_xarray(path, file, engine)
    sys.exit(1 if failures else 0)


main()
