# peer.py - seconds of a Meta-Weight-Net step (or of a plain SGD step) in PyTorch.
#
#   python3 peer.py --net resnet32|smallconv|mlp --kind double|pruned|best|plain
#                   [--threads 2] [--rounds N] [--batch 100] [--serve]
#
# double: double_backward.py, as the published scripts; pruned: the same, asking autograd for
# the gradient of V alone; best: best_tangent.py; plain: the hand-written SGD step of
# best_tangent.py. Prints a JSON object with the median. With --serve it is the worker of a
# driver that lets several programs take turns: it prints `ready` once warm, answers each line
# `step` with the seconds of one step and `about` with a JSON object on the libraries in use,
# and ends at `quit` or at the end of its input.
#
# What the environment can add is the driver's affair:
#   LD_PRELOAD=libtcmalloc_minimal.so.4    (libtcmalloc-minimal4) for `best` and `plain`, which
#     otherwise spend much of the time on page faults
#   libopenblas0-openmp in place of the reference BLAS: without it `double` takes twice the
#     time on resnet32 and fifteen times on mlp (see linear.py for `best`)
#   ATEN_CPU_CAPABILITY=avx512             kernels of PyTorch's own with wider vectors
# The last is set here where the processor can do it, unless it is set already.
import argparse
import json
import os
import statistics
import sys
import time


def has_avx512():
    try:
        with open("/proc/cpuinfo") as file:
            flags = next((line for line in file if line.startswith("flags")), "").split()
    except OSError:
        return False
    return {"avx512f", "avx512dq", "avx512bw", "avx512vl"} <= set(flags)


if has_avx512():
    os.environ.setdefault("ATEN_CPU_CAPABILITY", "avx512")

import torch  # noqa: E402 (the variable above has to be set first)

import models  # noqa: E402
from best_tangent import BestTangent  # noqa: E402
from double_backward import DoubleBackward  # noqa: E402

LR, WARM_STEPS, WARM_SECONDS, LONG = 1e-4, 3, 0.3, 2


def in_use(word):
    """The libraries with that word in their names that this process has loaded: torch's own
    version says nothing of the BLAS behind it."""
    try:
        with open("/proc/self/maps") as file:
            names = {os.path.basename(line.split()[-1]) for line in file if "/" in line}
    except OSError:
        return ""
    return ",".join(sorted(name for name in names if word in name))


def prepare(net, kind, batch):
    """A function without arguments that does one step."""
    torch.manual_seed(1)
    model, weight_net = models.make_model(net), models.WeightNet()
    batches = models.make_batches(net, batch)
    if kind in ("double", "pruned"):
        step = DoubleBackward(model, weight_net, LR, pruned=kind == "pruned").step
        return lambda: step(*batches)
    best = BestTangent(net, model, weight_net, LR)
    if kind == "best":
        return lambda: best.step(*batches)
    return lambda: best.plain_step(*batches[:2])


def seconds_of(step):
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def warm_up(step):
    """At least WARM_STEPS steps and WARM_SECONDS, but of long steps only LONG seconds."""
    taken = []
    while sum(taken) < (WARM_SECONDS if len(taken) >= WARM_STEPS else LONG):
        taken.append(seconds_of(step))


def serve(step):
    print("ready", flush=True)
    for line in sys.stdin:
        command = line.strip()
        if command == "quit":
            return 0
        if command == "about":
            print(json.dumps({"torch": torch.__version__, "blas": in_use("blas"),
                              "malloc": in_use("malloc") or "glibc"}), flush=True)
            continue
        if command != "step":
            print(f"peer.py: what is '{command}'?", file=sys.stderr)
            return 2
        print(f"{seconds_of(step):.9f}", flush=True)
    return 0


def main():
    parser = argparse.ArgumentParser(description="times a step in PyTorch")
    parser.add_argument("--net", choices=list(models.INPUT), required=True)
    parser.add_argument("--kind", choices=["double", "pruned", "best", "plain"], required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--serve", action="store_true")
    options = parser.parse_args()
    if min(options.threads, options.rounds, options.batch) < 1:
        parser.error("--threads, --rounds and --batch are at least 1")
    torch.set_num_threads(options.threads)
    step = prepare(options.net, options.kind, options.batch)
    warm_up(step)
    if options.serve:
        return serve(step)
    taken = [seconds_of(step) for _ in range(options.rounds)]
    print(json.dumps({
        "net": options.net, "kind": options.kind, "batch": options.batch,
        "threads": options.threads, "torch": torch.__version__,
        "blas": in_use("blas"),
        "preload": os.environ.get("LD_PRELOAD", ""), "rounds": options.rounds,
        "median_seconds": round(statistics.median(taken), 7),
        "least_seconds": round(min(taken), 7)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
