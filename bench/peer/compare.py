#!/usr/bin/python3
# compare.py - our steps against PyTorch's, in turn: on a machine whose clock rate drifts, only
# what was measured side by side can be compared.
#
#   compare.py [--nets resnet32,smallconv,mlp] [--seconds 165] [--threads N] [--batch 100]
#              [--json FILE] [--worker PROGRAM] [--openblas FOLDER] [--tcmalloc FILE]
#
# For each network the workers start one after the other (bench_worker for ours, peer.py
# --serve for PyTorch), then take turns in a new order every round. A turn is a step that does
# not count, since the first one after a wait finds threads asleep and caches cold (ours took a
# tenth longer), then as many as fill TURN seconds; its value is their median. Steps of more than
# LONG seconds are spared the first one. Reported are the median and the quartiles of a worker's
# turns, and the same of the ratios within each round.
#
# PyTorch runs in two environments: `debian`, as python3-torch is installed with the packages
# that it asks for (reference BLAS, glibc's malloc), and `tuned`: OpenBLAS with OpenMP and
# tcmalloc, and OMP_PROC_BIND=true, which our programs get as well. LD_LIBRARY_PATH picks the
# BLAS in both, whatever the system's alternatives say.
#
# A worker that waits must not take the processors from the one whose turn it is. The threads of
# libgomp spin for SPINS rounds, some milliseconds, before they sleep, and between turns the
# driver waits PAUSE seconds, until they do. Within a turn they do not get to sleep.
import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import sysconfig
import time

TURN, PAUSE, LONG, SPINS, TURNS_LEAST = 0.03, 0.02, 1.5, "100000", 3
# Of all the time.
SHARES = {"resnet32": 0.66, "smallconv": 0.2, "mlp": 0.14}
HERE = os.path.dirname(os.path.abspath(__file__))
LIBRARIES = f"/usr/lib/{sysconfig.get_config_var('MULTIARCH') or ''}"


class Failure(Exception):
    pass


def cpu():
    """The processor's name and its features."""
    fields = {}
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                key, _, value = line.partition(":")
                fields.setdefault(key.strip(), value.strip())
    except OSError:
        pass
    return fields.get("model name", "unknown"), fields.get("flags", "").split()


class Worker:
    """A program that does a step when asked."""

    def __init__(self, label, command, variables):
        self.label, self.turns, self.every = label, {}, 1
        hidden = ("OPENBLAS_", "LD_PRELOAD", "LD_LIBRARY_PATH", "OMP_", "GOMP_")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(hidden)}
        environment.update(GOMP_SPINCOUNT=SPINS, **variables)
        try:
            self.process = subprocess.Popen(command, env=environment, text=True, bufsize=1,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        except OSError as error:
            raise Failure(f"{command[0]}: {error.strerror}") from None
        if self.read() != "ready":
            raise Failure(f"{label}: it did not say that it is ready")

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failure(f"{self.label}: ended with exit code {self.process.wait()}")
        return line.strip()

    def ask(self, what):
        try:
            self.process.stdin.write(what + "\n")
        except OSError:
            pass                # then it has ended, which read() reports
        return self.read()

    def turn(self, number):
        taken = []
        if not self.turns or self.median() < LONG:
            self.ask("step")
        while sum(taken) < TURN:
            taken.append(float(self.ask("step")))
        self.turns[number] = statistics.median(taken)

    def median(self):
        return statistics.median(self.turns.values())

    def end(self):
        try:
            self.process.stdin.close()
            self.process.wait(20)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()


def environments(options):
    """The variables of each environment; without its libraries it is left out."""
    found = {"debian": {}}
    reference = os.path.join(LIBRARIES, "blas")
    if os.path.exists(os.path.join(reference, "libblas.so.3")):
        found["debian"]["LD_LIBRARY_PATH"] = reference
    missing = [path for path in (os.path.join(options.openblas, "libblas.so.3"),
                                 options.tcmalloc) if not os.path.exists(path)]
    if missing:
        print("No `tuned` environment without " + ", ".join(missing), file=sys.stderr)
    else:
        found["tuned"] = {"LD_LIBRARY_PATH": options.openblas,
                          "LD_PRELOAD": options.tcmalloc, "OMP_PROC_BIND": "true"}
    return found


def commands(net, options, places):
    """(label, command, variables) of every worker."""
    batch, threads = str(options.batch), str(options.threads)
    ours = [("mwnet", "f32"), ("ce", "f32")]
    if "avx512_bf16" in cpu()[1]:
        ours.insert(1, ("mwnet", "bf16"))
    for method, precision in ours:
        yield (f"ours, {'ce' if method == 'ce' else precision}",
               [options.worker, net, batch, method, precision, threads],
               {"OMP_PROC_BIND": "true"})
    for place, variables in places.items():
        for kind in ("plain", "double", "best"):
            yield (f"{kind}, {place}",
                   [sys.executable, os.path.join(HERE, "peer.py"), "--net", net, "--kind", kind,
                    "--batch", batch, "--threads", threads, "--serve"], variables)


def take_turns(workers, end):
    """Rounds until the time is over. What takes long takes part more seldom."""
    shuffle = random.Random(1).shuffle
    number, began = 0, time.monotonic()
    while True:
        now = time.monotonic()
        late = now + (now - began) / max(2 * number, 1) >= end     # with half a round more
        if late and all(len(w.turns) >= TURNS_LEAST for w in workers):
            break
        order = [w for w in workers if late or number % w.every == 0]
        shuffle(order)
        for worker in order:
            time.sleep(PAUSE)
            worker.turn(number)
        if number == 0:
            total = sum(max(w.median(), TURN) for w in workers)
            for worker in workers:
                own = worker.median()
                worker.every = max(1, round(4 * own / (total - own)))
        number += 1


def quartiles(values):
    values = list(values)
    if len(values) == 1:
        return values * 3
    return statistics.quantiles(values, n=4, method="inclusive")


def ratios(workers, places):
    """Theirs divided by ours, in the rounds in which both took part."""
    by_label = {w.label: w for w in workers}
    for place in places:
        for ours, kind in (("ours, f32", "double"), ("ours, f32", "best"),
                           ("ours, bf16", "double"), ("ours, bf16", "best"),
                           ("ours, ce", "plain")):
            if ours not in by_label:
                continue
            mine, other = by_label[ours].turns, by_label[f"{kind}, {place}"].turns
            values = [other[i] / mine[i] for i in sorted(mine.keys() & other.keys())]
            q1, middle, q3 = quartiles(values)
            yield {"ours": ours, "theirs": f"{kind}, {place}", "median": middle, "q1": q1,
                   "q3": q3, "rounds": len(values)}


def text_of(seconds):
    return f"{seconds:8.3f} s " if seconds >= 0.1 else f"{1e3 * seconds:8.3f} ms"


def report(net, options, workers, found):
    print(f"\n{net}, batch {options.batch} + {options.batch}\n")
    print(f"  {'a step of':16} {'median':>11} {'25 %':>11} {'75 %':>11}   turns")
    for worker in workers:
        q1, middle, q3 = quartiles(worker.turns.values())
        print(f"  {worker.label:16} {text_of(middle)} {text_of(q1)} {text_of(q3)}   "
              f"{len(worker.turns):5}")
    print(f"\n  {'PyTorch takes':16} {'times as long as':16} {'25 % to 75 %':>17}  rounds")
    for r in found:
        print(f"  {r['theirs']:16} {r['median']:5.2f} {r['ours']:10} "
              f"{r['q1']:9.2f} - {r['q3']:5.2f}  {r['rounds']:6}")
    sys.stdout.flush()


def measure(net, options, places, abouts):
    end = time.monotonic() + options.seconds * SHARES[net] / sum(SHARES[n] for n in options.nets)
    workers = []
    try:
        for label, command, variables in commands(net, options, places):
            print(f"{net}: starting {label}", file=sys.stderr)
            workers.append(Worker(label, command, variables))
        for place in places:
            about = next(w for w in workers if w.label == f"best, {place}").ask("about")
            if place not in abouts:
                abouts[place] = dict(json.loads(about), variables=places[place])
                a = abouts[place]
                print(f"{place}: PyTorch {a['torch']}, BLAS {a['blas']}, malloc {a['malloc']}")
        print(f"{net}: measuring", file=sys.stderr)
        take_turns(workers, end)
    finally:
        for worker in workers:
            worker.end()
    found = list(ratios(workers, places))
    report(net, options, workers, found)
    return {"workers": {w.label: dict(zip(("q1_seconds", "median_seconds", "q3_seconds"),
                                          quartiles(w.turns.values())),
                                      turns=w.turns) for w in workers}, "ratios": found}


def parse():
    parser = argparse.ArgumentParser(description="our steps against PyTorch's, in turn")
    parser.add_argument("--nets", default=",".join(SHARES), help="networks, by commas")
    parser.add_argument("--seconds", type=float, default=165, help="for all of it, about")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--json", metavar="FILE", help="writes every turn there")
    parser.add_argument("--worker", default=os.path.join(HERE, "../../build/bench/bench_worker"))
    parser.add_argument("--openblas", default=os.path.join(LIBRARIES, "openblas-openmp"),
                        help="the folder with its libblas.so.3")
    parser.add_argument("--tcmalloc",
                        default=os.path.join(LIBRARIES, "libtcmalloc_minimal.so.4"))
    options = parser.parse_args()
    options.nets = options.nets.split(",")
    unknown = [net for net in options.nets if net not in SHARES]
    if unknown:
        parser.error(f"there is no '{unknown[0]}'; the networks are {', '.join(SHARES)}")
    if min(options.threads, options.batch) < 1 or options.seconds <= 0:
        parser.error("--threads, --batch and --seconds are above 0")
    return options


def main():
    options = parse()
    places, abouts = environments(options), {}
    name, _ = cpu()
    print(f"{name}, {options.threads} threads")
    result = {"cpu": name, "threads": options.threads, "batch": options.batch}
    try:
        result["networks"] = {net: measure(net, options, places, abouts) for net in options.nets}
        result["environments"] = abouts
        if options.json:
            with open(options.json, "w") as file:
                json.dump(result, file)
                file.write("\n")
    except Failure as failure:
        print(f"compare.py: {failure}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"compare.py: {options.json}: {error.strerror}", file=sys.stderr)
        return 4
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
