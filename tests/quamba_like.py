"""A Mamba quantised as Quamba does it, in modules that are called as Quamba's are: methods instead of the modules themselves,
channels before tokens here and there, int8 whose scale stands in another module, blocks that hand on their sum beside it. And the
same model in a straight line, `straight`, without any module: what a recipe must have caught.
"""
import numpy as np
import torch
from torch import nn


def hadamard(n):
    """P (x) H_2^k / sqrt(n) of size 2^k or 12 2^k, P by Paley's first construction."""
    matrix = np.ones((1, 1))
    if n % 12 == 0:
        squares = {i * i % 11 for i in range(1, 11)}
        q = np.array([[0 if i == j else 1 if (i - j) % 11 in squares else -1 for j in range(11)] for i in range(11)])
        matrix = np.eye(12) + np.block([[np.zeros((1, 1)), np.ones((1, 11))], [-np.ones((11, 1)), q]])
    while matrix.shape[0] < n:
        matrix = np.kron(matrix, np.array([[1, 1], [1, -1]]))
    assert matrix.shape[0] == n and np.array_equal(matrix @ matrix.T, n * np.eye(n))
    return torch.tensor(matrix / np.sqrt(n))


def int8(x, scale):
    return torch.clamp(torch.round(x.float() / scale), -128, 127).to(torch.int8)


def absmax(x):
    return float(np.float32(float(x.abs().max()) / 127))


class Weights:
    """Those of a Hugging Face Mamba, rewritten as driftscope does, and quantised; scales come from one run in float."""

    def __init__(self, model, ids):
        state = {name: value.detach().double() for name, value in model.state_dict().items()}
        D, E = model.config.hidden_size, model.config.intermediate_size
        stream, inner = hadamard(D), hadamard(E)
        head = state["lm_head.weight"] * state["backbone.norm_f.weight"]
        self.embedding, self.head = (state["backbone.embeddings.weight"] @ stream.T).float(), (head @ stream.T).float()
        self.inner, self.eps, self.layer, self.scale = inner.float(), model.config.layer_norm_epsilon, [], None
        self.R, self.N = model.config.time_step_rank, model.config.state_size
        for i in range(model.config.num_hidden_layers):
            own = {name: state[f"backbone.layers.{i}.{name}"] for name in
                   ("norm.weight", *(f"mixer.{part}" for part in ("in_proj.weight", "conv1d.weight", "conv1d.bias", "x_proj.weight",
                                                                  "dt_proj.weight", "dt_proj.bias", "A_log", "D", "out_proj.weight")))}
            linear = {"in_proj": own["mixer.in_proj.weight"] * own["norm.weight"] @ stream.T, "x_proj": own["mixer.x_proj.weight"],
                      "dt_proj": own["mixer.dt_proj.weight"], "out_proj": stream @ own["mixer.out_proj.weight"] @ inner.T}
            self.layer.append({**{name: (int8(w, absmax(w)), absmax(w)) for name, w in linear.items()},
                               "conv": own["mixer.conv1d.weight"][:, 0].float(), "bias": own["mixer.conv1d.bias"].float(),
                               "dt_bias": own["mixer.dt_proj.bias"].float(), "A": -torch.exp(own["mixer.A_log"]).float(),
                               "D": own["mixer.D"].float()})
        learned = straight(self, ids)
        self.scale = {name: absmax(value) for name, value in learned.items()}


# The operators: int8 with a scale in, int8 at a scale or float16 out; without scales all is float.

def norm(x, eps, scale):
    y = x.float() * torch.rsqrt(x.float().square().mean(-1, keepdim=True) + eps)
    return y if scale is None else int8(y, scale)


def linear(x, scale_x, weight, scale_y, narrow):
    y = (x.double() @ weight[0].double().T).float() * (scale_x * weight[1])
    return y if narrow is None else int8(y, scale_y) if narrow == "int8" else y.half()


def conv(x, scale_x, weight, bias, scale_y):
    """x [T, E]"""
    padded = torch.cat([torch.zeros(3, x.shape[1]), x.float() * scale_x])
    y = bias + sum(weight[:, k] * padded[k:k + x.shape[0]] for k in range(4))
    y = nn.functional.silu(y)
    return y if scale_y is None else int8(y, scale_y)


def scan(u, dt, B, C, z, w):
    """All float, [T, ...]"""
    delta, state, rows = nn.functional.softplus(dt + w["dt_bias"]), torch.zeros(u.shape[1], B.shape[1]), []
    for t in range(u.shape[0]):
        state = torch.exp(delta[t, :, None] * w["A"]) * state + (delta[t] * u[t])[:, None] * B[t]
        rows.append(state @ C[t] + w["D"] * u[t])
    return torch.stack(rows) * nn.functional.silu(z)


def straight(m, ids):
    """Every tensor [T, columns] by its name; int8 as such."""
    s = m.scale
    kept, x = {}, m.embedding[ids[0]]
    narrow, half = ("int8", "half") if s else (None, None)
    kept["embedding"] = x = x.half() if s else x
    for i, w in enumerate(m.layer):
        def at(name):
            return s[f"layers.{i}.{name}"] if s else None

        def keep(name, value):
            kept[f"layers.{i}.{name}"] = value
            return value

        def wide(name):
            return kept[f"layers.{i}.{name}"].float() * (at(name) or 1.0)
        keep("block_in", x.float())
        keep("norm", norm(x, m.eps, at("norm")))
        xz = keep("in_proj", linear(kept[f"layers.{i}.norm"], at("norm") or 1.0, w["in_proj"], at("in_proj"), narrow))
        E = xz.shape[1] // 2
        u = keep("conv1d_silu", conv(xz[:, :E], at("in_proj") or 1.0, w["conv"], w["bias"], at("conv1d_silu")))
        dbc = keep("x_proj", linear(u, at("conv1d_silu") or 1.0, w["x_proj"], at("x_proj"), narrow))
        keep("dt_proj", linear(dbc[:, :m.R], at("x_proj") or 1.0, w["dt_proj"], at("dt_proj"), narrow))
        B, C = wide("x_proj")[:, m.R:m.R + m.N], wide("x_proj")[:, m.R + m.N:]
        y = scan(wide("conv1d_silu"), wide("dt_proj"), B, C, wide("in_proj")[:, E:], w)
        keep("gated", y.half() if s else y)
        turned = kept[f"layers.{i}.gated"].float() @ m.inner.T
        keep("out_proj_in", int8(turned, at("out_proj_in")) if s else turned)
        out = keep("out_proj", linear(kept[f"layers.{i}.out_proj_in"], at("out_proj_in") or 1.0, w["out_proj"], None, half))
        x = keep("block_out", x.float() + out.float())
    kept["norm_f"] = norm(x, m.eps, None)
    kept["logits"] = kept["norm_f"] @ m.head.T
    return kept


# --- in modules ---------------------------------------------------------------------------------------------------------------

class Linear(nn.Module):
    def __init__(self, weight, scale_x, scale_y, narrow):
        super().__init__()
        self.own = (scale_x, weight, scale_y, narrow)

    def forward(self, x):
        return linear(x[0], *self.own)[None]

    def to_seqlen_last(self, x):
        return linear(x[0], *self.own).T[None]


class Conv(nn.Module):
    def __init__(self, weight, bias, input_scale, output_scale):
        super().__init__()
        self.weight, self.bias, self.input_scale, self.output_scale = weight, bias, input_scale, output_scale

    def forward(self, x):  # [1, E, T]
        return conv(x[0].T, self.input_scale, self.weight, self.bias, self.output_scale).T[None]


class Scan(nn.Module):
    def __init__(self, w, **scales):
        super().__init__()
        self.w = w
        for name, scale in scales.items():
            self.register_buffer(f"{name}_scale", torch.tensor(scale, dtype=torch.float64))

    def forward(self, u, dt, B, C, z=None, return_last_state=False):  # [1, columns, T]
        wide = [x[0].T.float() * float(scale) for x, scale in
                ((u, self.u_scale), (dt, self.dt_scale), (B, self.B_scale), (C, self.B_scale), (z, self.z_scale))]
        return scan(*wide, self.w).half()[None]


class Had(nn.Module):
    def __init__(self, matrix, scale):
        super().__init__()
        self.matrix, self.x_H_scale = matrix, scale

    def forward(self, x):
        return int8(x.float() @ self.matrix.T, self.x_H_scale)


class Norm(nn.Module):
    def __init__(self, eps, output_scale):
        super().__init__()
        self.eps, self.output_scale = eps, output_scale

    def forward(self, x, residual=None, prenorm=False):
        residual = x.float() if residual is None else x.float() + residual
        y = norm(residual, self.eps, self.output_scale)
        return (y, residual) if prenorm else y


class Mixer(nn.Module):
    def __init__(self, m, i):
        super().__init__()
        w, s, self.R, self.N = m.layer[i], {name: m.scale[f"layers.{i}.{name}"] for name in
                                            ("norm", "in_proj", "conv1d_silu", "x_proj", "dt_proj", "out_proj_in")}, m.R, m.N
        self.in_proj = Linear(w["in_proj"], s["norm"], s["in_proj"], "int8")
        self.conv1d = Conv(w["conv"], w["bias"], s["in_proj"], s["conv1d_silu"])
        self.x_proj = Linear(w["x_proj"], s["conv1d_silu"], s["x_proj"], "int8")
        self.dt_proj = Linear(w["dt_proj"], s["x_proj"], s["dt_proj"], "int8")
        self.selective_scan = Scan(w, u=s["conv1d_silu"], dt=s["dt_proj"], B=s["x_proj"], z=s["in_proj"])
        self.had = Had(m.inner, s["out_proj_in"])
        self.out_proj = Linear(w["out_proj"], s["out_proj_in"], None, "half")

    def forward(self, x):
        x, z = self.in_proj.to_seqlen_last(x).chunk(2, dim=1)
        x = self.conv1d.forward(x)
        dt, B, C = torch.split(self.x_proj(x.transpose(1, 2).contiguous()), [self.R, self.N, self.N], dim=-1)
        y = self.selective_scan.forward(x, self.dt_proj.to_seqlen_last(dt.contiguous()), B.transpose(1, 2), C.transpose(1, 2), z=z)
        return self.out_proj(self.had(y))


class Block(nn.Module):
    def __init__(self, m, i):
        super().__init__()
        self.norm, self.mixer = Norm(m.eps, m.scale[f"layers.{i}.norm"]), Mixer(m, i)

    def forward(self, hidden, residual=None):
        normed, residual = self.norm(hidden, residual=residual, prenorm=True)
        return self.mixer(normed), residual


class Head(nn.Module):
    def __init__(self, weight):
        super().__init__()
        self.weight = weight

    def forward(self, x):
        return x @ self.weight.T


class QuambaLike(nn.Module):
    def __init__(self, m):
        super().__init__()
        self.backbone = nn.Module()
        self.backbone.embedding = nn.Embedding.from_pretrained(m.embedding.half())
        self.backbone.layers = nn.ModuleList([Block(m, i) for i in range(len(m.layer))])
        self.backbone.norm_f = Norm(m.eps, None)
        self.lm_head = Head(m.head)

    def forward(self, ids):
        x, residual = self.backbone.embedding(ids), None
        for block in self.backbone.layers:
            x, residual = block(x, residual)
        return self.lm_head(self.backbone.norm_f(x, residual=residual))
