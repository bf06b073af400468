#!/usr/bin/env python3
# Writes the stored vectors beside it: what NumPy and PyTorch make of the operators, by formulas of their own, in every container and many types.
# tests/test_vectors_any.c knows what must come out. usage: tests/vectors/make.py (with PyTorch 2.15, safetensors 0.8, NumPy 2.4, h5py 3.16)
import os
import shutil

import h5py
import numpy as np
import safetensors.torch
import torch
import torch.nn.functional as F

os.chdir(os.path.dirname(os.path.abspath(__file__)))
torch.manual_seed(1)
f64, f32, f16, bf16, f8 = torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn
T, C, N, K, O = 7, 6, 4, 4, 5


def random(*size, type=f32):
    return torch.randn(*size, dtype=f64).to(type)


# int8 by its largest value; the scale is a float32.
def int8(x):
    scale = np.float32(x.abs().max().item() / 127)
    return torch.round(x.double() / float(scale)).clamp(-128, 127).to(torch.int8), scale


def of(q, scale):
    return q.double() * float(scale)


# --- what the operators are, in float64 or in the type of the inputs --------------------------------------------------


def conv1d(x, weight, bias):  # [T, C], [C, K], [C]
    return F.conv1d(F.pad(x.T[None], (K - 1, 0)), weight[:, None], bias, groups=C)[0].T


def scan(u, dt, A_log, B, C, D, z, dt_bias):
    delta = F.softplus(dt + dt_bias)
    h = torch.zeros_like(A_log)
    y = []
    for t in range(len(u)):
        h = torch.exp(delta[t][:, None] * -torch.exp(A_log)) * h + (delta[t] * u[t])[:, None] * B[t]
        y.append(h @ C[t] + D * u[t])
    y = torch.stack(y)
    return dict(delta=delta, y=y, y_gated=y * F.silu(z), state=h)


def scan_inputs(type):
    return dict(u=random(T, C), dt=random(T, C), A_log=torch.log(torch.arange(1., N + 1)).repeat(C, 1), B=random(T, N), C=random(T, N),
                D=random(C), z=random(T, C), dt_bias=random(C) - 1), type


def rmsnorm(x, gain, eps):
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps) * gain


def hadamard(n):
    h = torch.ones(1, 1, dtype=f64)
    while len(h) < n:
        h = torch.cat([torch.cat([h, h], 1), torch.cat([h, -h], 1)])
    return h / n**.5


def arrays(tensors):
    return {name: x.numpy() if isinstance(x, torch.Tensor) else x for name, x in tensors.items()}


# --- float64 throughout: what float64 makes of these inputs, and so 0 from the reference --------------------------------

x, weight, bias = random(T, C, type=f64), random(C, K, type=f64), random(C, type=f64)
pre = conv1d(x, weight, bias)
wide = {'conv1d/x': x, 'conv1d/weight': weight, 'conv1d/bias': bias, 'conv1d/y': pre, 'conv1d/y_silu': F.silu(pre)}
inputs = {k: v.double() for k, v in scan_inputs(f64)[0].items()}
wide |= {f'scan/{k}': v for k, v in (inputs | scan(**inputs)).items()}
x, weight, gain = random(T, C, type=f64), random(O, C, type=f64), random(C, type=f64)
wide |= {'linear/x': x, 'linear/weight': weight, 'linear/y': x @ weight.T}
wide |= {'rmsnorm/x': x, 'rmsnorm/gain': gain, 'rmsnorm/eps': torch.tensor(2**-10., dtype=f64), 'rmsnorm/y': rmsnorm(x, gain, 2**-10)}
x = random(T, 16, type=f64)
wide |= {'hadamard/x': x, 'hadamard/y': x @ hadamard(16)}
for name, function in (('exp', torch.exp), ('silu', F.silu), ('softplus', F.softplus)):
    wide |= {f'{name}/x': x, f'{name}/y': function(x)}
np.savez('float64.npz', **arrays(wide))

# --- PyTorch's own float32, in a dictionary of dictionaries; the convolution in PyTorch's layout ------------------------

narrow = {name: x.float() for name, x in wide.items() if not any(part in name for part in ('/y', '/state', '/delta'))}
get = lambda op: {name.split('/')[1]: x for name, x in narrow.items() if name.startswith(op + '/')}
saved = {op: get(op) for op in ('conv1d', 'scan', 'linear', 'rmsnorm', 'hadamard', 'exp', 'silu', 'softplus')}
c = saved['conv1d']
c['y_silu'] = F.silu(conv1d(**c)).T[None].contiguous()
c['x'], c['weight'] = c['x'].T[None].contiguous(), c['weight'][:, None]
saved['scan'] |= scan(**saved['scan'])
l = saved['linear']
l['y'] = l['x'] @ l['weight'].T
r = saved['rmsnorm']
r['y'] = rmsnorm(**r)
r['eps'] = float(r['eps'])
saved['hadamard']['y'] = saved['hadamard']['x'] @ hadamard(16).float()
for name, function in (('exp', torch.exp), ('silu', F.silu), ('softplus', F.softplus)):
    saved[name]['y'] = function(saved[name]['x'])
r.pop('eps'), r.update(eps=torch.tensor(2**-10.))
torch.save({'layer0': saved}, 'float32.pt')

# --- int8 throughout: whole numbers, their product with one scale, and half to even ---------------------------------------

stored, scales = {}, {}


def put(name, q, scale=None):
    stored[name] = q.clone().contiguous()
    if scale is not None:
        stored[name + '.scale'] = torch.tensor([float(scale)], dtype=f32)


(x, sx), (w, sw) = int8(random(T, C)), int8(random(O, C))
y = (x.int() @ w.int().T).to(f32) * torch.tensor(np.float32(sx) * np.float32(sw))
sy = np.float32(y.abs().max().item() / 127)
for case, value, scale in (('to_i8', torch.round(y / torch.tensor(sy)).clamp(-128, 127).to(torch.int8), sy), ('to_f16', y.to(f16), None),
                           ('to_f32', y, None), ('to_bf16', y.to(bf16), None)):
    put(f'{case}.linear.x', x, sx), put(f'{case}.linear.weight', w, sw), put(f'{case}.linear.y', value, scale)
(x, sx), (w, sw), (b, sb) = int8(random(T, C)), int8(random(C, K)), int8(random(C))
pre = conv1d(x.to(f32), w.to(f32), torch.zeros(C)) * torch.tensor(np.float32(sw) * np.float32(sx)) + b.to(f32) * torch.tensor(sb)
put('to_f32.conv1d.x', x, sx), put('to_f32.conv1d.weight', w, sw), put('to_f32.conv1d.bias', b, sb)
put('to_f32.conv1d.y', pre), put('to_f32.conv1d.y_silu', F.silu(pre))
q = {name: int8(value) for name, value in scan_inputs(f32)[0].items()}
result = scan(**{name: of(*value) for name, value in q.items()})
for case, type in (('to_f16', f16), ('to_f64', f64)):
    for name, value in q.items():
        put(f'{case}.scan.{name}', *value)
    put(f'{case}.scan.y_gated', result['y_gated'].to(type))
safetensors.torch.save_file(stored, 'int8.safetensors')

# --- mixed: bfloat16, float16, float8, int8 among floats, in a folder of .npy files, .npz and HDF5 ------------------------

shutil.rmtree('mixed', ignore_errors=True)
os.makedirs('mixed/conv1d')
(x, sx), w, b = int8(random(T, C)), random(C, K, type=f16), random(C)
pre = conv1d(of(x, sx), w.double(), b.double())
for name, value in dict(x=x.T.contiguous(), weight=w, bias=b, y_silu=F.silu(pre).to(f16).T.contiguous()).items():
    np.save(f'mixed/conv1d/{name}.npy', value.numpy())
np.save('mixed/conv1d/x.scale.npy', sx)
inputs = scan_inputs(f32)[0]
u = inputs.pop('u')
q = {name: int8(value) for name, value in inputs.items()}
result = scan(u=u.double(), **{name: of(*value) for name, value in q.items()})
s8 = np.float32(result['state'].abs().max().item() / 100)
with h5py.File('mixed.h5', 'w') as f:
    def dataset(name, value, scale=None, axes=None):
        d = f.create_dataset('a case/' + name, data=value.numpy())
        if scale is not None:
            d.attrs['scale'] = scale
        if axes:
            d.attrs['axes'] = axes
    dataset('scan/u', u.T.contiguous(), axes='channel,token')
    for name, value in q.items():
        dataset('scan/' + name, *value)
    dataset('scan/y_gated', result['y_gated'].to(f32))
    dataset('scan/state_q8', torch.round(result['state'] / float(s8)).to(torch.int8), s8)
    dataset('rmsnorm/x', random(T, C, type=f16))
    y = rmsnorm(torch.tensor(f['a case/rmsnorm/x'][:]).double(), 1, 1e-5)
    sy = np.float32(y.abs().max().item() / 127)
    dataset('rmsnorm/y', torch.round(y / float(sy)).to(torch.int8), sy)
x8, x16 = random(T, C).to(f8), random(2, 3, 12, type=bf16)
paley = torch.tensor([[1 if i == j else 0 for j in range(12)] for i in range(12)], dtype=f64)
for i in range(12):
    for j in range(12):
        chi = lambda a: 0 if a % 11 == 0 else 1 if pow(a % 11, 5, 11) == 1 else -1
        paley[i, j] += 0 if i == j == 0 else 1 if i == 0 else -1 if j == 0 else chi(i - j)
safetensors.torch.save_file(
    {
        'silu.x': x8, 'silu.y': F.silu(x8.double()).to(bf16),
        'exp.x': x8.clone(), 'exp.y': torch.exp(x8.double()).to(torch.float8_e5m2),
        'hadamard.x': x16.clone(), 'hadamard.y': (x16.double() @ paley.T / 12**.5).to(bf16),
        'linear.x': x16.clone(), 'linear.weight': random(O, 12, type=bf16), 'linear.y': torch.zeros(2, 3, O, dtype=bf16),
    }, 'narrow.safetensors')
with safetensors.torch.safe_open('narrow.safetensors', 'pt') as f:
    all = {name: f.get_tensor(name) for name in f.keys()}
all['linear.y'] = F.linear(all['linear.x'], all['linear.weight'])
safetensors.torch.save_file(all, 'narrow.safetensors')
half = random(3, 16, type=f16)
np.savez_compressed('half.npz', x=half.numpy(), y=(half.double() @ hadamard(16)).float().numpy())
