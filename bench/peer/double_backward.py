# double_backward.py - a Meta-Weight-Net step as the published PyTorch scripts do it: autograd
# differentiates through the virtual update, and the actual step runs the network once more.
#
#   1. virtual   forward of a copy of w with its graph, weighted loss, gradient with
#                create_graph=True, w^ = w - lr grad
#   2. meta      forward of the meta batch at w^, backward through both graphs into V, Adam
#   3. actual    a new forward of the real network, V without gradient, backward, SGD
#
# Tidier than the scripts in one respect: no second module is built for the copy, the virtual
# parameters go through functional_call. Batch-norm uses batch statistics everywhere; only
# step 3 moves the running ones. As in the scripts, the meta loss is differentiated with a
# plain backward(), which fills the gradient of the copy as well. `pruned` asks for the
# gradient of V alone, which no published script does; autograd then skips a part of the work.
import torch
from torch.nn import functional as F
from torch.nn.utils.stateless import functional_call


class DoubleBackward:
    def __init__(self, model, weight_net, lr, momentum=0.9, weight_decay=5e-4, theta_lr=1e-3,
                 theta_decay=1e-4, pruned=False):
        self.model, self.weight_net, self.lr, self.pruned = model, weight_net, lr, pruned
        self.sgd = torch.optim.SGD(model.parameters(), lr, momentum=momentum,
                                   weight_decay=weight_decay)
        self.adam = torch.optim.Adam(weight_net.parameters(), theta_lr,
                                     weight_decay=theta_decay)

    def step(self, x, label, meta_x, meta_label):
        self.learn_weights(x, label, meta_x, meta_label)
        loss = F.cross_entropy(self.model(x), label, reduction="none")
        with torch.no_grad():
            weight = self.weight_net(loss[:, None])[:, 0]
        self.sgd.zero_grad(set_to_none=True)
        (weight * loss).mean().backward()
        self.sgd.step()

    def learn_weights(self, x, label, meta_x, meta_label):
        copy = {name: p.detach().clone().requires_grad_()
                for name, p in self.model.named_parameters()}
        buffers = {name: b.clone() for name, b in self.model.named_buffers()}
        logits = functional_call(self.model, {**copy, **buffers}, (x,))
        loss = F.cross_entropy(logits, label, reduction="none")
        weight = self.weight_net(loss.detach()[:, None])[:, 0]
        grads = torch.autograd.grad((weight * loss).mean(), list(copy.values()),
                                    create_graph=True)
        virtual = {name: p - self.lr * g for (name, p), g in zip(copy.items(), grads)}
        meta_logits = functional_call(self.model, {**virtual, **buffers}, (meta_x,))
        meta_loss = F.cross_entropy(meta_logits, meta_label)
        self.adam.zero_grad(set_to_none=True)
        if self.pruned:
            meta_loss.backward(inputs=list(self.weight_net.parameters()))
        else:
            meta_loss.backward()
        self.adam.step()

    def theta_grad(self):
        """The last meta-gradient of Theta, flat."""
        return torch.cat([p.grad.reshape(-1) for p in self.weight_net.parameters()])

    def theta(self):
        return torch.cat([p.detach().reshape(-1) for p in self.weight_net.parameters()])

    def parameters(self):
        return {name: p.detach() for name, p in self.model.named_parameters()}

    def running(self):
        return {name: b for name, b in self.model.named_buffers() if "running" in name}
