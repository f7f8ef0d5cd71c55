# linear.py - the linear layer with hand-written passes (see passes.py), and its matrix products.
#
# PyTorch multiplies float matrices with whatever BLAS it was linked to; the reference BLAS that
# a plain Debian installs is some 40 times slower than oneDNN, OpenBLAS a little faster.
# So the first big product times both ways, and the faster one stays.
import time

import torch
from torch.nn import functional as F

aten = torch.ops.aten
BIG = 1 << 20
use_onednn = None


def by_onednn(a, b):
    """a times b transposed."""
    return torch._C._nn.mkldnn_linear(a.to_mkldnn(), b, None).to_dense()


def seconds_of(multiply):
    """The least of 20, which a busy moment of the machine does not change."""
    taken = []
    for _ in range(20):
        start = time.perf_counter()
        multiply()
        taken.append(time.perf_counter() - start)
    return min(taken)


def prefers_onednn(a, rows):
    global use_onednn
    if a.dtype != torch.float32 or a.numel() * rows < BIG:
        return False
    if use_onednn is None:
        left, right = torch.randn(100, 512), torch.randn(256, 512)
        use_onednn = (torch.backends.mkldnn.is_available() and
                      seconds_of(lambda: by_onednn(left, right)) <
                      seconds_of(lambda: F.linear(left, right)))
    return use_onednn


def times_transposed(a, b):
    return by_onednn(a, b) if prefers_onednn(a, b.shape[0]) else a @ b.t()


def times(a, b):
    return by_onednn(a, b.t().contiguous()) if prefers_onednn(a, b.shape[1]) else a @ b


def transposed_times(a, b, out):
    if prefers_onednn(a, b.shape[1]):
        out.copy_(by_onednn(a.t().contiguous(), b.t().contiguous()))
    else:
        torch.mm(a.t(), b, out=out)


class Linear:
    """With bias, and with ReLU when asked for."""

    def __init__(self, source, name, relu=False):
        self.inputs, self.is_first, self.relu = (source,), source == 0, relu
        self.weight, self.bias = name + ".weight", name + ".bias"

    def forward(self, p, x):
        y = times_transposed(x, p[self.weight]).add_(p[self.bias])
        return (y.relu_() if self.relu else y), (x, y)

    def backward(self, p, saved, dy, grad):
        x, y = saved
        if self.relu:
            aten.threshold_backward.grad_input(dy, y, 0, grad_input=dy)
        transposed_times(dy, x, grad[self.weight])
        torch.sum(dy, 0, out=grad[self.bias])
        return (None if self.is_first else times(dy, p[self.weight]),)

    def tangent(self, p, saved, dot, xdot):
        x, y = saved
        ydot = times_transposed(x, dot[self.weight]).add_(dot[self.bias])
        if xdot is not None:
            ydot.add_(times_transposed(xdot, p[self.weight]))
        if self.relu:
            aten.threshold_backward.grad_input(ydot, y, 0, grad_input=ydot)
        return ydot
