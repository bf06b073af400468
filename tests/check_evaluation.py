"""What an evaluation says of single tokens, computed again by NumPy from the logits and the stream of prompts that are
its very windows.

    python3 tests/check_evaluation.py RESULTS.h5 TEXT

Prints one line a check; exits 1 at the first that fails, 77 where h5py is missing.
"""
import sys

try:
    import h5py
    import numpy as np
except ImportError:
    sys.exit(77)

SHARE = 0.15  # of an event
T_OF_3 = 4.302652729749462  # 97.5 % of Student's t, 2 degrees of freedom


def near(what, got, want, tolerance):
    if np.isnan(got) and np.isnan(want):
        return
    if not abs(got - want) <= tolerance * max(1e-3, abs(want)):
        sys.exit(f"{what}: table {got!r}, NumPy {want!r}")


def log_softmax(logits):
    logits = logits.astype(np.float64)
    logits = logits - logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


class Side:
    """Bits, KL and reach of every token of every window: [windows, tokens]."""

    def __init__(self, file, prompts, mode, target):
        self.bits, self.kl, self.reach = [], [], []
        for prompt, following in zip(prompts, target):
            reference, group = file[f"prompts/{prompt}/fp64"], file[f"prompts/{prompt}/{mode}"]
            p, q = log_softmax(reference["logits"][()]), log_softmax(group["logits"][()])
            self.bits.append(-q[np.arange(len(following)), following] / np.log(2))
            # not the sum of p (log p - log q), of which nothing is left where two modes are close
            self.kl.append((np.exp(p) * (np.expm1(q - p) - (q - p))).sum(axis=1) / np.log(2))
            reach = np.zeros(len(following))
            for layer in (name for name in group if name.startswith("layer_") and mode != "fp64"):
                error = group[layer]["block_out"][()].astype(np.float64) - reference[layer]["block_out"][()]
                squares = (error**2).sum(axis=1)
                reach = np.maximum(reach, squares / squares.sum())
            self.reach.append(reach)
        self.bits, self.kl, self.reach = np.array(self.bits), np.array(self.kl), np.array(self.reach)


def check_tokens(rows, base, other, by):
    figure = other.kl if by == "kl" else np.abs(other.bits - base.bits)
    reach = np.maximum(base.reach, other.reach)
    order = np.argsort(-figure, axis=None, kind="stable")
    for rank, row in enumerate(rows):
        w, t = divmod(int(order[rank]), figure.shape[1])
        what = f"{row['base'].decode()}, {row['other'].decode()}, {by} rank {rank + 1}"
        if (row["rank"], row["window"], row["position"]) != (rank + 1, w, t + 1):
            sys.exit(f"{what}: window {row['window']}, position {row['position']}; NumPy has {w}, {t + 1}")
        for column, want in (("bits_base", base.bits[w, t]), ("bits_other", other.bits[w, t]),
                             ("kl_base", base.kl[w, t]), ("kl_other", other.kl[w, t]),
                             ("share", figure[w, t] / figure.sum()), ("reach", reach[w, t])):
            near(f"{what}, {column}", row[column], want, 1e-8)
        if row["in_reach"] != (reach[w, t] > max(SHARE, 3 / figure.shape[1])):
            sys.exit(f"{what}: in_reach {row['in_reach']}, reach {reach[w, t]}")


def check_pair(row, base, other):
    d = other.bits - base.bits
    reached = np.maximum(base.reach, other.reach) > max(SHARE, 3 / d.shape[1])
    size = np.sort(np.abs(d), axis=None)[::-1]
    apart = np.array([d[w][~reached[w]].mean() for w in range(len(d))])
    spread = T_OF_3 * apart.std(ddof=1) / np.sqrt(3)
    what = f"{row['base'].decode()}, {row['other'].decode()}"
    if (row["tokens"], row["reached_tokens"]) != (d.size, reached.sum()):
        sys.exit(f"{what}: {row['reached_tokens']} of {row['tokens']} tokens, NumPy {reached.sum()} of {d.size}")
    for column, want in (("diff", d.mean()), ("top_share", size[:max(1, d.size // 100)].sum() / size.sum()),
                         ("reached_share", np.abs(d[reached]).sum() / size.sum()),
                         ("reached_part", d[reached].sum() / d.sum()), ("apart", apart.mean()),
                         ("apart_low", apart.mean() - spread), ("apart_high", apart.mean() + spread)):
        near(f"{what}, {column}", row[column], want, 1e-7)
    return int(reached.sum())


def main():
    with h5py.File(sys.argv[1]) as file, open(sys.argv[2], "rb") as text:
        text = np.frombuffer(text.read(), np.uint8).astype(int)
        tables = file["tables"]
        windows, modes = tables["evaluation_windows"][()], tables["evaluation"][()]
        of_reference = windows[windows["mode"] == b"fp64"]
        prompts = [f"w{w}" for w in range(len(of_reference))]
        target = [text[row["first"] + 1:row["first"] + 1 + row["tokens"]] for row in of_reference]
        if len(prompts) != 3:
            sys.exit("the interval is of three windows")
        side = {row["mode"].decode(): Side(file, prompts, row["mode"].decode(), target) for row in modes}
        for row in modes:
            near("kl_token_median", row["kl_token_median"], np.median(side[row["mode"].decode()].kl), 1e-8)
        tokens, checked = tables["evaluation_tokens"][()], 0
        for key in dict.fromkeys((row["base"], row["other"], row["by"]) for row in tokens):
            rows = [row for row in tokens if (row["base"], row["other"], row["by"]) == key]
            base, other, by = (part.decode() for part in key)
            check_tokens(rows, side[base], side[other], by)
            checked += len(rows)
            for row in rows:
                if row["token_id"] != text[row["at"]] or row["at"] != of_reference["first"][row["window"]] + row["position"]:
                    sys.exit(f"{key}: token {row['token_id']} at {row['at']}")
        pairs = [row for row in tables["evaluation_pairs"][()] if row["metric"] == b"bits"]
        reached = [check_pair(row, side[row["base"].decode()], side[row["other"].decode()]) for row in pairs]
        print(f"{checked} tokens and {len(pairs)} pairs equal NumPy's; {max(reached)} tokens in reach of events at most")
        if not max(reached):
            sys.exit("no token is in reach: the difference without them was not tried")


main()
