"""The tables of a results file, computed again by NumPy in float64 from the tensors that it keeps.

    python3 tests/check_tables.py RESULTS.h5

Prints one line a check; exits 1 at the first that fails, 77 where h5py is missing.
"""
import sys

try:
    import h5py
    import numpy as np
except ImportError:
    sys.exit(77)


def scales(dataset):
    """What each element of the tensor is multiplied by; None where nothing is."""
    if "scale_factor" in dataset.attrs:
        return np.float32(dataset.attrs["scale_factor"])
    beside = dataset.parent.get(dataset.name.rsplit("/", 1)[-1] + ".scale")
    if beside is None:
        return None
    axis, scale = text(beside.attrs["axis"]), beside[()]
    if axis == "group":
        return scale.repeat(beside.attrs["group"], axis=1)[:, : dataset.shape[1]]
    return scale[:, np.newaxis] if axis == "row" else scale


def values(dataset):
    """The tensor as the float32 (or float64) values it stands for."""
    scale = scales(dataset)
    if scale is not None:
        return dataset[()].astype(np.float32) * scale
    return dataset[()] if dataset.dtype == np.float64 else dataset[()].astype(np.float32)


def find(file, prompt, mode, layer, tensor):
    """The tensor's values, or None where the file does not keep it."""
    group = file[f"prompts/{prompt}/{mode}"]
    name = tensor if tensor in ("embedding", "norm_f", "logits") else f"layer_{layer:02d}/{tensor}"
    return values(group[name]) if name in group else None


def quantile(x, fraction):
    """Between two neighbours in sorted order, as GSL has it: np.percentile's place is rounded otherwise."""
    x = np.sort(x)
    place = fraction * (len(x) - 1)
    at = int(place)
    return x[-1] if at + 1 == len(x) else (1 - (place - at)) * x[at] + (place - at) * x[at + 1]


def text(cell):
    return cell.decode()


def require(what, got, want, tolerance):
    """|got - want| <= tolerance, both not a number, or both the same infinity."""
    if np.isnan(got) and np.isnan(want) or got == want:
        return
    if not abs(got - want) <= tolerance:
        sys.exit(f"{what}: table {got!r}, NumPy {want!r}, allowed difference {tolerance:.3g}")


def report(table, checked):
    if not checked:
        sys.exit(f"{table}: no row has its tensors in the file")
    print(f"{table}: {checked} rows equal NumPy")


def check_tensor_stats(file):
    checked = 0
    for row in file["tables/tensor_stats"][()]:
        where = [text(row["prompt"]), text(row["mode"]), int(row["layer"]), text(row["tensor"])]
        x = find(file, *where)
        if x is None:
            continue
        checked += 1
        x = x.astype(np.float64).ravel()
        finite = x[np.isfinite(x)]
        size = np.sqrt(np.mean(finite**2))
        require(f"{where} n", row["n"], x.size, 0)
        require(f"{where} min", row["min"], finite.min(), 0)
        require(f"{where} max", row["max"], finite.max(), 0)
        require(f"{where} mean", row["mean"], finite.mean(), 1e-12 * size)
        require(f"{where} std", row["std"], finite.std(), 1e-12 * size)
        require(f"{where} zeros", row["zeros"], np.count_nonzero(x == 0), 0)
        require(f"{where} nonfinite", row["nonfinite"], x.size - finite.size, 0)
        for i in range(min(10, x.size)):
            require(f"{where} first_{i}", row[f"first_{i}"], x[i], 0)
    report("tensor_stats", checked)


def check_parts(where, row, part, a, b):
    """Relative error of each row of two matrices: the columns that begin with `part`."""
    finite = (np.isfinite(a) & np.isfinite(b)).all(axis=1)
    require(f"{where} {part}s_left_out", row[f"{part}s_left_out"], np.count_nonzero(~finite), 0)
    a, d = a[finite], (b - a)[finite]
    size, error = np.linalg.norm(a, axis=1), np.linalg.norm(d, axis=1)
    relative = np.array([0 if e == 0 else e / s if s > 0 else np.inf for e, s in zip(error, size)])
    if np.isfinite(relative).all():
        for name, q in (("median", 0.5), ("p90", 0.9), ("p99", 0.99)):
            require(f"{where} {part}_{name}", row[f"{part}_{name}"], quantile(relative, q), 1e-12 * relative.max())
    if error.max() > 0:
        worst = row[f"{part}_worst"]
        require(f"{where} {part}_worst", error[np.count_nonzero(finite[:worst])], error.max(), 1e-12 * error.max())
        share = error**2 / np.sum(error**2)
        require(f"{where} {part}_worst_share", row[f"{part}_worst_share"], share.max(), 1e-12)
        require(f"{where} {part}s_effective", row[f"{part}s_effective"], 1 / np.sum(share**2), 1e-11 * len(share))
    else:
        require(f"{where} {part}_worst", row[f"{part}_worst"], -1, 0)
        require(f"{where} {part}s_effective", row[f"{part}s_effective"], np.nan, 0)


def check_tokens(where, row, a, b):
    """Tokens are rows and channels columns; of a tensor whose rows are no tokens, rows are channels."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    if row["tensor"].decode().startswith("ssm_state"):
        for name in ("median", "p90", "p99", "worst_share"):
            require(f"{where} token_{name}", row[f"token_{name}"], np.nan, 0)
        require(f"{where} tokens_effective", row["tokens_effective"], np.nan, 0)
        require(f"{where} token_worst", row["token_worst"], -1, 0)
        check_parts(where, row, "channel", a, b)
        return
    check_parts(where, row, "token", a, b)
    check_parts(where, row, "channel", a.T, b.T)


def check_pair_stats(file):
    checked = 0
    for row in file["tables/pair_stats"][()]:
        place = [int(row["layer"]), text(row["tensor"])]
        prompt, base, other = text(row["prompt"]), text(row["base"]), text(row["other"])
        where = [prompt, base, other, *place]
        a, b = find(file, prompt, base, *place), find(file, prompt, other, *place)
        if a is None:
            continue
        checked += 1
        check_tokens(where, row, a, b)
        a, b = a.ravel(), b.ravel()
        bits = a.astype(np.float32).view(np.uint32) != b.astype(np.float32).view(np.uint32)
        a, b = a.astype(np.float64), b.astype(np.float64)
        d = b - a
        scale = np.abs(d).max()
        norm = np.linalg.norm(a)
        require(f"{where} identical", row["identical"], not bits.any(), 0)
        require(f"{where} differing", row["differing"], bits.mean(), 1e-12)
        require(f"{where} max_abs", row["max_abs"], scale, 0)
        require(f"{where} mean_abs", row["mean_abs"], np.abs(d).mean(), 1e-12 * scale)
        require(f"{where} rmse", row["rmse"], np.sqrt(np.mean(d**2)), 1e-12 * scale)
        if norm > 0:
            rel = np.linalg.norm(d) / norm
            require(f"{where} rel_l2", row["rel_l2"], rel, 1e-12 * rel)
            if rel > 0:
                require(f"{where} sqnr_db", row["sqnr_db"], -20 * np.log10(rel), 1e-9)
        if norm > 0 and np.linalg.norm(b) > 0:
            require(f"{where} cosine", row["cosine"], a @ b / (norm * np.linalg.norm(b)), 1e-12)
        for name, q in (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999)):
            require(f"{where} {name}", row[name], quantile(np.abs(d), q), 1e-12 * scale)
        if bits.any():
            require(f"{where} first_index", row["first_index"], np.flatnonzero(bits)[0], 0)
            require(f"{where} |d| at worst_index", abs(d[row["worst_index"]]), scale, 0)
        for name, f in (("mean", np.mean), ("std", np.std), ("min", np.min), ("max", np.max)):
            require(f"{where} {name}_diff", row[f"{name}_diff"], f(b) - f(a), 4e-12 * np.sqrt(np.mean(a**2) + np.mean(b**2)))
    report("pair_stats", checked)


def check_clipping(file):
    """Tensors on a static grid against the reference's, element by element; rows of weights have no tensors here."""
    checked = 0
    for row in file["tables/clipping"][()]:
        place = [int(row["layer"]), text(row["tensor"])]
        if not row["mode"]:
            continue
        of = [place[0], "ssm_state"] if place[1] == "ssm_state_q8" else place
        a, b = find(file, text(row["prompt"]), "fp64", *of), find(file, text(row["prompt"]), text(row["mode"]), *place)
        if a is None or b is None:
            continue
        checked += 1
        where = [text(row["prompt"]), text(row["mode"]), *place]
        tokens = not place[1].startswith("ssm_state")
        a, b = a.astype(np.float64), b.astype(np.float64)
        end = 127 * row["scale"]
        require(f"{where} grid_end", row["grid_end"], end, 0)
        require(f"{where} on the grid", np.abs(b / row["scale"] - np.round(b / row["scale"])).max(), 0, 1e-4)
        require(f"{where} nonfinite", row["nonfinite"], np.count_nonzero(~(np.isfinite(a) & np.isfinite(b))), 0)
        beyond, e2 = (a > end) | (a < -128 * row["scale"]), (b - a) ** 2
        size = np.linalg.norm(a)
        require(f"{where} n", row["n"], a.size, 0)
        require(f"{where} beyond", row["beyond"], np.count_nonzero(beyond), 0)
        require(f"{where} channels", row["channels"], np.count_nonzero(beyond.any(axis=0 if tokens else 1)), 0)
        require(f"{where} error_share", row["error_share"], e2[beyond].sum() / e2.sum() if e2.any() else np.nan, 1e-12)
        for name, part in (("rel_l2", e2), ("rel_l2_clipped", e2[beyond]), ("rel_l2_rounded", e2[~beyond])):
            require(f"{where} {name}", row[name], np.sqrt(part.sum()) / size, 1e-12)
        if not beyond.any():
            require(f"{where} furthest", row["furthest"], np.nan, 0)
            require(f"{where} worst_channel", row["worst_channel"], -1, 0)
            continue
        over = np.where(a > 0, a / end, a / (-128 * row["scale"]))
        at = np.unravel_index(np.argmax(over), a.shape)
        require(f"{where} furthest", row["furthest"], over[at], 1e-15 * over[at])
        require(f"{where} furthest_value", row["furthest_value"], a[at], 0)
        require(f"{where} furthest_token", row["furthest_token"], at[0] if tokens else -1, 0)
        require(f"{where} furthest_channel", row["furthest_channel"], at[1] if tokens else at[0], 0)
        worst = np.where(beyond, e2, 0).sum(axis=0 if tokens else 1)
        require(f"{where} worst_channel", worst[row["worst_channel"]], worst.max(), 1e-12 * worst.max())
    report("clipping", checked)


def check_pooled_parts(where, row, mine):
    """Geometric means over prompts of pair_stats, and of shares the largest."""
    for name in ("token_median", "token_p90", "token_p99", "tokens_effective", "channel_median", "channel_p90",
                 "channel_p99", "channels_effective"):
        known = mine[name][~np.isnan(mine[name])]
        if len(known) and (known > 0).all() and np.isfinite(known).all():
            require(f"{where} {name}", row[name], np.exp(np.mean(np.log(known))), 1e-12 * known.max())
    for part in ("token", "channel"):
        require(f"{where} {part}s_left_out", row[f"{part}s_left_out"], mine[f"{part}s_left_out"].sum(), 0)
        shares = np.where(mine[f"{part}_worst"] >= 0, mine[f"{part}_worst_share"], -1)
        if shares.max() >= 0:
            require(f"{where} {part}_worst_share", row[f"{part}_worst_share"], shares.max(), 0)
            require(f"{where} {part}_worst", row[f"{part}_worst"], mine[f"{part}_worst"][np.argmax(shares)], 0)


def check_drift(file):
    pairs = file["tables/pair_stats"][()]
    checked = 0
    for row in file["tables/drift"][()]:
        mine = pairs[(pairs["base"] == row["base"]) & (pairs["other"] == row["other"])
                     & (pairs["tensor"] == row["tensor"]) & (pairs["layer"] == row["layer"])]
        error = size = 0.0
        for pair in mine:
            place = [int(pair["layer"]), text(pair["tensor"])]
            a = find(file, text(pair["prompt"]), text(pair["base"]), *place)
            b = find(file, text(pair["prompt"]), text(pair["other"]), *place)
            if a is None:
                break
            a, b = a.astype(np.float64), b.astype(np.float64)
            error += np.sum((b - a) ** 2)
            size += np.sum(a**2)
        if not size:
            continue
        checked += 1
        want = np.sqrt(error / size)
        where = f"drift {text(row['base'])} {text(row['other'])} {text(row['tensor'])} {row['layer']}"
        require(where, row["rel_l2"], want, 1e-12 * want)
        check_pooled_parts(where, row, mine)
    report("drift", checked)


def check_drift_shape(file):
    """Factors between layers, geometric means over prompts of the median token's error."""
    pairs = file["tables/pair_stats"][()]
    checked = 0
    for row in file["tables/drift_shape"][()]:
        where = f"drift_shape {text(row['base'])} {text(row['other'])} {text(row['tensor'])}"
        if np.isnan(row["growth"]) or row["left_out"]:
            continue
        mine = pairs[(pairs["base"] == row["base"]) & (pairs["other"] == row["other"])
                     & (pairs["tensor"] == row["tensor"])]
        prompts, layers = np.unique(mine["prompt"]), range(row["first_layer"], row["last_layer"] + 1)
        y = np.array([[np.log(mine[(mine["prompt"] == p) & (mine["layer"] == l)]["token_median"][0]) for l in layers]
                      for p in prompts])
        mean, first = y.mean(axis=0), row["first_layer"]
        peak = int(np.argmax(mean))
        require(f"{where} prompts", row["prompts"], len(prompts), 0)
        require(f"{where} peak", mean[row["peak_layer"] - first], mean[peak], 1e-12)
        for name, to, since in (("growth", -1, 0), ("rise", row["peak_layer"] - first, 0),
                                ("fall", -1, row["peak_layer"] - first)):
            require(f"{where} {name}", np.log(row[name]), mean[to] - mean[since], 1e-11)
        if row["step_layer"] >= 0:
            require(f"{where} step", np.log(row["step"]), np.diff(mean).max(), 1e-11)
        if len(prompts) > 1:
            spread = np.std(y[:, -1] - y[:, 0], ddof=1) / np.sqrt(len(prompts))
            half = np.log(row["growth_high"] / row["growth_low"]) / 2
            t = {2: 12.7062047361747, 3: 4.30265272974946, 4: 3.18244630528371}.get(len(prompts))  # t(0.975, n - 1)
            if t:
                require(f"{where} interval", half, t * spread, 1e-9 + 1e-9 * half)
        checked += 1
    report("drift_shape", checked)


def token_median(file, prompt, base, other, layer):
    """Median over tokens of the relative error of block_out; None where it is not kept."""
    a, b = (find(file, prompt, mode, layer, "block_out") for mode in (base, other))
    if a is None or b is None:
        return None
    a, b = a.astype(np.float64), b.astype(np.float64)
    return np.median(np.linalg.norm(b - a, axis=1) / np.linalg.norm(a, axis=1))


def check_budget(file):
    """The median token's total is that of the pair, to the bit; and NumPy's."""
    if "budget" not in file["tables"]:
        return
    pairs, checked = file["tables/pair_stats"][()], 0
    pairs = pairs[pairs["tensor"] == b"block_out"]
    for row in file["tables/budget"][()]:
        where = [text(row[name]) for name in ("prompt", "base", "other")] + [int(row["layer"])]
        pair = pairs[(pairs["prompt"] == row["prompt"]) & (pairs["base"] == row["base"])
                     & (pairs["other"] == row["other"]) & (pairs["layer"] == row["layer"])]
        require(f"budget {where} total_median", row["total_median"], pair["token_median"][0], 0)
        want = token_median(file, *where)
        if want is None:
            continue
        checked += 1
        require(f"budget {where} total_median", row["total_median"], want, 1e-12 * want)
    report("budget", checked)


def check_ends(file, table, rows, mode, last):
    """The median token of a mode as it is, geometric mean over prompts."""
    checked = 0
    for row in rows:
        want = [token_median(file, prompt, "fp64", text(row[mode]), last) for prompt in file["prompts"]]
        if None in want:
            continue
        checked += 1
        want = np.exp(np.mean(np.log(want)))
        require(f"{table} {text(row[mode])} token_median", row["token_median"], want, 1e-12 * want)
    report(table, checked)


def check_swap_and_restore(file):
    last = int(file["tables/tensor_stats"]["layer"].max()) - 1
    if "swap" in file["tables"]:
        rows = file["tables/swap"][()]
        check_ends(file, "swap", rows[rows["count"] == 0], "start", last)
    if "restore" in file["tables"]:
        rows = file["tables/restore"][()]
        check_ends(file, "restore", rows[rows["step"] == 0], "mode", last)


if __name__ == "__main__":
    with h5py.File(sys.argv[1], "r") as results:
        check_tensor_stats(results)
        check_pair_stats(results)
        check_clipping(results)
        check_drift(results)
        check_drift_shape(results)
        check_budget(results)
        check_swap_and_restore(results)
