# check.py - do double_backward.py and best_tangent.py compute the same thing? Both take the
# same steps from the same state in float64; the meta-gradient, Theta, w and the running
# statistics must agree after each of them. Then the plain step against PyTorch's own SGD.
#
#   python3 check.py [--spoil]      exit status 0 when all agree, 1 otherwise
#
# --spoil changes the tangent sweep by one part in a million, which the check has to notice.
import copy
import sys

import torch
from torch.nn import functional as F

import best_tangent
import models
from best_tangent import BestTangent
from double_backward import DoubleBackward

TOLERANCE, STEPS, BATCH, LR = 1e-8, 3, 12, 0.05


def distance(a, b):
    """Relative to the size of b, in the Euclidean norm; a missing number counts as far."""
    value = float((a - b).norm() / b.norm())
    return value if value == value else float("inf")


def worst(a, b):
    assert a.keys() == b.keys()
    return max((distance(a[key], b[key]) for key in a), default=0.0)


def report(name, what, value):
    print(f"{name:10} {what:34} {value:9.2e}  {'ok' if value <= TOLERANCE else 'FAILS'}")
    return value <= TOLERANCE


def make(name):
    torch.manual_seed(3)
    model = models.make_model(name, torch.float64)
    with torch.no_grad():       # scales and shifts that are not just ones and zeros
        for p in model.parameters():
            if p.dim() == 1:
                p.add_(0.3 * torch.rand_like(p))
    return model, models.WeightNet().double()


def split(best):
    """The parameters and the running statistics of a BestTangent."""
    running = {k: t for k, t in best.p.items() if "running" in k}
    return {k: t for k, t in best.p.items() if k not in running}, running


def check_meta(name, pruned):
    model, weight_net = make(name)
    best = BestTangent(name, model, weight_net, LR)
    double = DoubleBackward(model, weight_net, LR, pruned=pruned)
    start = {key: p.clone() for key, p in double.parameters().items()}
    title = f"{name}{' pruned' if pruned else ''}"
    good = True
    for step in range(STEPS):
        batches = models.make_batches(name, BATCH, torch.float64, seed=step)
        best.step(*batches)
        double.step(*batches)
        parameters, running = split(best)
        at = f"step {step + 1}: "
        good &= report(title, at + "meta-gradient", distance(best.v.grad, double.theta_grad()))
        good &= report(title, at + "Theta", distance(best.v.theta, double.theta()))
        good &= report(title, at + "w, worst tensor", worst(parameters, double.parameters()))
        good &= report(title, at + "running, worst tensor", worst(running, double.running()))
    moved = min(distance(start[key], p) for key, p in double.parameters().items())
    if moved < 1e-6 or float(double.theta_grad().norm()) == 0:
        print(f"{title}: the steps hardly change anything, so the check proves nothing")
        good = False
    return good


def check_plain(name):
    model, weight_net = make(name)
    best = BestTangent(name, model, weight_net, LR)
    model = copy.deepcopy(model)
    sgd = torch.optim.SGD(model.parameters(), LR, momentum=0.9, weight_decay=5e-4)
    for step in range(STEPS):
        x, label = models.make_batches(name, BATCH, torch.float64, seed=step)[:2]
        best.plain_step(x, label)
        sgd.zero_grad()
        F.cross_entropy(model(x), label).backward()
        sgd.step()
    return report(name, "plain steps: w, worst tensor",
                  worst(split(best)[0], {k: p.detach() for k, p in model.named_parameters()}))


def main():
    if "--spoil" in sys.argv[1:]:
        exact = best_tangent.tangent
        best_tangent.tangent = lambda *args: exact(*args) * (1 + 1e-6)
    good = True
    for name in models.INPUT:
        good &= check_meta(name, pruned=False)
        good &= check_meta(name, pruned=True)
        good &= check_plain(name)
    print("all agree" if good else "NOT equal")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
