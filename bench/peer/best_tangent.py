# best_tangent.py - the fastest exact Meta-Weight-Net step that we could write in PyTorch: no
# autograd, no second order, and the train batch goes forward once.
#
#   forward of the train batch at w, V, backward        g = sum c_i grad l_i,  w^ = w - lr g
#   forward and backward of the meta batch at w^        u = grad of the mean meta loss
#   one tangent sweep on the stored activations         d_i = <grad l_i(w), u>
#   backward through V with -lr/n d_i, Adam             the exact meta-gradient
#   V again, second backward on the same activations, SGD
#
# Parameters, gradients and momentum are flat vectors with views, so the optimisers are a few
# sweeps. Convolutions run channels-last, which is faster here than the usual layout.
import torch

from linear import Linear
from passes import Average, Conv, Flatten, MaxPool, Norm, Shortcut


def describe(name):
    """The layers of a network; a layer's number is that of its output."""
    layers = []

    def add(layer):
        layers.append(layer)
        return len(layers)

    def block(x, prefix, stride, pad):
        residual = add(Shortcut(x, pad)) if pad else x
        x = add(Norm(add(Conv(x, prefix + "conv1", stride)), prefix + "bn1"))
        return add(Norm(add(Conv(x, prefix + "conv2")), prefix + "bn2", residual))

    if name == "resnet32":
        x = add(Norm(add(Conv(0, "conv1")), "bn1"))
        for stage in (1, 2, 3):
            for i in range(5):
                widens = stage > 1 and i == 0
                x = block(x, f"layer{stage}.{i}.", 2 if widens else 1,
                          4 << (stage - 1) if widens else 0)
        add(Linear(add(Average(x)), "linear"))
    elif name == "smallconv":
        x = add(MaxPool(add(Norm(add(Conv(0, "conv1")), "bn1"))))
        x = add(MaxPool(add(Norm(add(Conv(x, "conv2")), "bn2"))))
        add(Linear(add(Linear(add(Flatten(x)), "fc1", relu=True)), "fc2"))
    else:
        add(Linear(add(Linear(0, "fc1", relu=True)), "fc2"))
    return layers


def forward(layers, p, x):
    values, saved = [x], []
    for layer in layers:
        y, keep = layer.forward(p, *[values[i] for i in layer.inputs])
        values.append(y)
        saved.append(keep)
    return values[-1], saved


def backward(layers, p, saved, dlogits, grad):
    dvalues = [None] * len(layers) + [dlogits]
    for i in range(len(layers) - 1, -1, -1):
        dy, dvalues[i + 1] = dvalues[i + 1], None
        for source, dx in zip(layers[i].inputs, layers[i].backward(p, saved[i], dy, grad)):
            if dvalues[source] is None:
                dvalues[source] = dx
            else:
                dvalues[source].add_(dx)


def tangent(layers, p, saved, dot):
    """The derivative of the logits in the direction `dot` of parameter space."""
    dots = [None]
    for layer, keep in zip(layers, saved):
        dots.append(layer.tangent(p, keep, dot, *[dots[i] for i in layer.inputs]))
    return dots[-1]


def losses(logits, label):
    """Cross-entropy of every sample and its derivative by the logits."""
    log_prob = torch.log_softmax(logits, 1)
    at = label[:, None]
    loss = -log_prob.gather(1, at)[:, 0]
    return loss, log_prob.exp_().scatter_add_(1, at, torch.full_like(loss, -1)[:, None])


def flat_views(flat, model):
    """Views of a flat vector under the names of the parameters, channels-last."""
    views, at = {}, 0
    for name, p in model.named_parameters():
        part = flat[at:at + p.numel()]
        if p.dim() == 4:
            o, i, h, w = p.shape
            views[name] = part.view(o, h, w, i).permute(0, 3, 1, 2)
        else:
            views[name] = part.view(p.shape)
        at += p.numel()
    return views


class FlatWeightNet:
    """V and its Adam on a flat Theta: first weights, first biases, second weights, bias."""

    def __init__(self, weight_net, lr, decay):
        self.theta = torch.cat([p.detach().reshape(-1) for p in weight_net.parameters()])
        self.grad = torch.empty_like(self.theta)
        self.first, self.second = torch.zeros_like(self.theta), torch.zeros_like(self.theta)
        self.w1, self.b1, self.w2, self.b2 = self.theta.split([100, 100, 100, 1])
        self.lr, self.decay, self.steps = lr, decay, 0

    def forward(self, loss):
        self.loss = loss
        self.hidden = torch.addcmul(self.b1, loss[:, None], self.w1).relu_()
        self.v = (self.hidden @ self.w2).add_(self.b2).sigmoid_()
        return self.v

    def backward(self, dv):
        dz = dv * self.v * (1 - self.v)
        dhidden = (dz[:, None] * self.w2).mul_(self.hidden > 0)
        torch.cat([self.loss @ dhidden, dhidden.sum(0), dz @ self.hidden, dz.sum(0, True)],
                  out=self.grad)

    def update(self):
        self.steps += 1
        g = torch.add(self.grad, self.theta, alpha=self.decay)
        self.first.lerp_(g, 1 - 0.9)
        self.second.mul_(0.999).addcmul_(g, g, value=1 - 0.999)
        below = self.second.sqrt().div_((1 - 0.999 ** self.steps) ** 0.5).add_(1e-8)
        self.theta.addcdiv_(self.first, below, value=-self.lr / (1 - 0.9 ** self.steps))


def arrange(x):
    return x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x


class BestTangent:
    def __init__(self, name, model, weight_net, lr, momentum=0.9, weight_decay=5e-4,
                 theta_lr=1e-3, theta_decay=1e-4):
        self.layers, self.lr = describe(name), lr
        self.momentum, self.weight_decay = momentum, weight_decay
        first = next(model.parameters())
        self.w = first.new_empty(sum(p.numel() for p in model.parameters()))
        self.virtual, self.g, self.u = (torch.empty_like(self.w) for _ in range(3))
        self.buffer = torch.zeros_like(self.w)
        running = {k: b.clone() for k, b in model.named_buffers() if "running" in k}
        self.p = {**flat_views(self.w, model), **running}
        self.p_virtual = {**flat_views(self.virtual, model), **running}
        self.g_views, self.u_views = flat_views(self.g, model), flat_views(self.u, model)
        for key, p in model.named_parameters():
            self.p[key].copy_(p.detach())
        self.v = FlatWeightNet(weight_net, theta_lr, theta_decay)

    @torch.no_grad()
    def step(self, x, label, meta_x, meta_label):
        n = len(label)
        logits, saved = forward(self.layers, self.p, arrange(x))
        loss, delta = losses(logits, label)
        weight = self.v.forward(loss)
        backward(self.layers, self.p, saved, delta * (weight / n)[:, None], self.g_views)
        torch.add(self.w, self.g, alpha=-self.lr, out=self.virtual)
        self.meta_gradient(meta_x, meta_label)
        d = (delta * tangent(self.layers, self.p, saved, self.u_views)).sum(1)
        self.v.backward(d * (-self.lr / n))
        self.v.update()
        weight = self.v.forward(loss)
        backward(self.layers, self.p, saved, delta * (weight / n)[:, None], self.g_views)
        self.update(saved)

    @torch.no_grad()
    def plain_step(self, x, label):
        logits, saved = forward(self.layers, self.p, arrange(x))
        _, delta = losses(logits, label)
        backward(self.layers, self.p, saved, delta.div_(len(label)), self.g_views)
        self.update(saved)

    def meta_gradient(self, x, label):
        logits, saved = forward(self.layers, self.p_virtual, arrange(x))
        _, delta = losses(logits, label)
        backward(self.layers, self.p_virtual, saved, delta.div_(len(label)), self.u_views)

    def update(self, saved):
        for layer, keep in zip(self.layers, saved):
            if isinstance(layer, Norm):
                layer.update_running(self.p, keep)
        self.g.add_(self.w, alpha=self.weight_decay)
        self.buffer.mul_(self.momentum).add_(self.g)
        self.w.sub_(self.buffer, alpha=self.lr)
