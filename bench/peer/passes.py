# passes.py - the layers of the benchmark's networks with hand-written passes: forward,
# backward and tangent (forward mode) on stored activations, without autograd. A network is a
# list of layers; layer i makes value i + 1 out of earlier values, value 0 is the input.
#
# Parameters come as a dictionary p of tensors; `dot` holds a direction in parameter space
# under the same names, `grad` receives gradients.
import torch
from torch.nn import functional as F

aten = torch.ops.aten
EPS, MOMENTUM = 1e-5, 0.1
ONE, NONE = [1, 1], [0, 0]


class Conv:
    """3x3, padding 1, no bias."""

    def __init__(self, source, name, stride=1):
        self.inputs, self.weight, self.stride = (source,), name + ".weight", [stride, stride]
        self.is_first = source == 0

    def convolve(self, x, weight):
        return aten.convolution(x, weight, None, self.stride, ONE, ONE, False, NONE, 1)

    def forward(self, p, x):
        return self.convolve(x, p[self.weight]), x

    def backward(self, p, x, dy, grad):
        dx, dw, _ = aten.convolution_backward(
            dy, x, p[self.weight], None, self.stride, ONE, ONE, False, NONE, 1,
            [not self.is_first, True, False])
        grad[self.weight].copy_(dw)
        return (dx,)

    def tangent(self, p, x, dot, xdot):
        y = self.convolve(x, dot[self.weight])
        return y if xdot is None else y.add_(self.convolve(xdot, p[self.weight]))


class Norm:
    """Batch-norm with batch statistics, an optional residual added to it, ReLU."""

    def __init__(self, source, name, residual=None):
        self.inputs = (source,) if residual is None else (source, residual)
        self.scale, self.shift = name + ".weight", name + ".bias"
        self.mean, self.var = name + ".running_mean", name + ".running_var"
        self.ones = None

    def sums(self, dy, x, mean, invstd, scale):
        """Per channel: the sums of dy (x - mean) invstd and of dy, in one sweep."""
        return aten.native_batch_norm_backward(dy, x, scale, None, None, mean, invstd, True,
                                               EPS, [False, True, True])[1:]

    def forward(self, p, x, residual=None):
        # Mean and variance from one sweep around the running mean: native_batch_norm in
        # training mode takes about twice the time.
        scale, around, count = p[self.scale], p[self.mean], x.numel() // x.shape[1]
        if self.ones is None:
            self.ones = torch.ones_like(around)
        xx, total = self.sums(x, x, around, self.ones, scale)
        mean = total.div_(count)
        var = xx.div_(count).addcmul_(mean, mean - around, value=-1)
        y = aten.native_batch_norm(x, scale, p[self.shift], mean, var, False, 0.0, EPS)[0]
        if residual is not None:
            y.add_(residual)
        return y.relu_(), (x, y, mean, var, (var + EPS).rsqrt_())

    def update_running(self, p, saved):
        x, _, mean, var, _ = saved
        count = x.numel() // x.shape[1]
        p[self.mean].lerp_(mean, MOMENTUM)
        p[self.var].mul_(1 - MOMENTUM).add_(var, alpha=MOMENTUM * count / (count - 1))

    def backward(self, p, saved, dy, grad):
        x, y, mean, _, invstd = saved
        aten.threshold_backward.grad_input(dy, y, 0, grad_input=dy)
        dx, dscale, dshift = aten.native_batch_norm_backward(
            dy, x, p[self.scale], None, None, mean, invstd, True, EPS, [True, True, True])
        grad[self.scale].copy_(dscale)
        grad[self.shift].copy_(dshift)
        return (dx,) if len(self.inputs) == 1 else (dx, dy)

    def tangent(self, p, saved, dot, xdot, residual_dot=None):
        # With n = (x - mean) invstd and a = scale invstd:
        # ydot = a (xdot - mean(xdot) - n mean(n xdot)) + scale_dot n + shift_dot.
        x, y, mean, var, invstd = saved
        scale, count = p[self.scale], x.numel() // x.shape[1]
        cross, total = self.sums(xdot, x, mean, invstd, scale)
        a = scale * invstd
        of_n = torch.addcmul(dot[self.scale], a, cross, value=-1 / count)
        constant = torch.addcmul(dot[self.shift], a, total, value=-1 / count)
        ydot = aten.native_batch_norm(x, of_n, constant, mean, var, False, 0.0, EPS)[0]
        ydot.addcmul_(xdot, a[:, None, None])
        if residual_dot is not None:
            ydot.add_(residual_dot)
        return aten.threshold_backward.grad_input(ydot, y, 0, grad_input=ydot)


class Shortcut:
    """Option A: every second pixel, `pad` zero channels on both sides."""

    def __init__(self, source, pad):
        self.inputs, self.pad = (source,), pad

    def apply(self, x):
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad))

    def forward(self, p, x):
        return self.apply(x), x

    def backward(self, p, x, dy, grad):
        dx = torch.zeros_like(x)
        dx[:, :, ::2, ::2] = dy[:, self.pad:-self.pad]
        return (dx,)

    def tangent(self, p, x, dot, xdot):
        return self.apply(xdot)


class MaxPool:
    """2x2, stride 2."""

    def __init__(self, source):
        self.inputs = (source,)

    def forward(self, p, x):
        y, index = aten.max_pool2d_with_indices(x, [2, 2], [2, 2])
        return y, (x, index)

    def backward(self, p, saved, dy, grad):
        x, index = saved
        return (aten.max_pool2d_with_indices_backward(dy, x, [2, 2], [2, 2], NONE, ONE, False,
                                                      index),)

    def tangent(self, p, saved, dot, xdot):
        _, index = saved
        n, c, h, w = index.shape
        if not xdot.is_contiguous(memory_format=torch.channels_last):
            return xdot.flatten(2).gather(2, index.flatten(2)).view(n, c, h, w)
        pixels = xdot.permute(0, 2, 3, 1).reshape(n, -1, c)
        at = index.permute(0, 2, 3, 1).reshape(n, -1, c)
        return pixels.gather(1, at).view(n, h, w, c).permute(0, 3, 1, 2)


class Flatten:
    def __init__(self, source):
        self.inputs = (source,)

    def forward(self, p, x):
        return x.flatten(1), x

    def backward(self, p, x, dy, grad):
        return (torch.empty_like(x).copy_(dy.view(x.shape)),)

    def tangent(self, p, x, dot, xdot):
        return xdot.flatten(1)


class Average:
    """Global average pooling."""

    def __init__(self, source):
        self.inputs = (source,)

    def forward(self, p, x):
        return x.mean((2, 3)), x

    def backward(self, p, x, dy, grad):
        return (torch.empty_like(x).copy_((dy / (x.shape[2] * x.shape[3]))[:, :, None, None]),)

    def tangent(self, p, x, dot, xdot):
        return xdot.mean((2, 3))
