"""Compares icdbench's metrics with scikit-learn's on the same arrays: values, time and memory.

Needs numpy and scikit-learn. From the repository root:

    python tests/reference/metrics_vs_sklearn.py
    python tests/reference/metrics_vs_sklearn.py --scores tied
    python tests/reference/metrics_vs_sklearn.py --binary target/release/examples/metrics_speed

The arrays are random: by default 3,372 notes x 8,921 codes (the size of MIMIC-III full's test
split) with about 16 gold codes a note, frequent and rare codes as in a Zipf law. They are written
to a temporary directory, where `examples/metrics_speed.rs` reads them. scikit-learn computes only
the metrics it has; the time of icdbench is for all of its metrics. Exits 1 when a value differs by
more than 1e-9.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import sklearn
from scipy.sparse import csr_matrix
from sklearn import metrics

TOLERANCE = 1e-9


def main():
    arguments = parse_arguments()
    gold, scores = make_arrays(arguments)
    with tempfile.TemporaryDirectory() as directory:
        write_arrays(Path(directory), gold, scores)
        command = ["cargo", "run", "--release", "--quiet", "--example", "metrics_speed", "--"]
        if arguments.binary:
            command = [arguments.binary]
        ours = json.loads(subprocess.run(command + [directory], check=True, stdout=subprocess.PIPE).stdout)
    values, seconds = score_with_sklearn(gold, scores)
    sys.exit(0 if report(arguments, gold, ours, values, seconds) else 1)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--notes", type=int, default=3372)
    parser.add_argument("--codes", type=int, default=8921)
    parser.add_argument("--gold", type=float, default=16, help="mean gold codes a note")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--scores",
        choices=["uniform", "skewed", "tied"],
        default="uniform",
        help="uniform: random in 0..1; skewed: near 0 but higher for gold, as a model's; tied: skewed, rounded to 1/256",
    )
    parser.add_argument("--binary", help="a built metrics_speed; without it, cargo builds and runs it")
    return parser.parse_args()


def make_arrays(arguments):
    """Gold flags [note, code] as a sparse matrix, and float32 scores [note, code]."""
    random = np.random.default_rng(arguments.seed)
    weight = 1 / (np.arange(arguments.codes) + 10)
    rows = [
        np.unique(random.choice(arguments.codes, size=count, p=weight / weight.sum()))
        for count in random.poisson(arguments.gold, arguments.notes)
    ]
    columns = np.concatenate(rows)
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    shape = (arguments.notes, arguments.codes)
    gold = csr_matrix((np.ones(len(columns), np.int8), columns, offsets), shape=shape)
    scores = random.random(shape, dtype=np.float32)
    if arguments.scores != "uniform":
        scores = scores**8
        note = np.repeat(np.arange(arguments.notes), np.diff(offsets))
        scores[note, columns] = np.sqrt(np.sqrt(scores[note, columns]))
    if arguments.scores == "tied":
        scores = np.round(scores * 256) / np.float32(256)
    return gold, scores


def write_arrays(directory, gold, scores):
    np.array(gold.shape, "<u4").tofile(directory / "shape.u32")
    scores.astype("<f4").tofile(directory / "scores.f32")
    gold.indptr.astype("<u4").tofile(directory / "offsets.u32")
    gold.indices.astype("<u4").tofile(directory / "columns.u32")


def score_with_sklearn(gold, scores):
    """Values and seconds by metric. Decisions go in as sparse matrices, its fastest input."""
    values, seconds = {}, {}

    def timed(names, compute):
        start = time.perf_counter()
        results = compute()
        seconds[", ".join(names)] = time.perf_counter() - start
        values.update(zip(names, results))

    dense = gold.toarray()
    frequency = dense.sum(axis=0, dtype=int)
    present = np.flatnonzero(frequency > 0)
    both = np.flatnonzero((frequency > 0) & (frequency < len(dense)))
    start = time.perf_counter()
    predicted = csr_matrix(scores > 0.5)
    seconds["decisions"] = time.perf_counter() - start

    def choose(columns):
        # numpy returns chosen columns in Fortran order, of which scikit-learn would copy the whole
        # array once a column, and need more than ten minutes instead of ten seconds.
        return np.ascontiguousarray(dense[:, columns]), np.ascontiguousarray(scores[:, columns])

    def decisions(average):
        return metrics.precision_recall_fscore_support(gold, predicted, average=average, zero_division=0)

    def jaccard(average):
        return [metrics.jaccard_score(gold, predicted, average=average, zero_division=0)]

    timed(["micro-precision", "micro-recall", "micro-f1"], lambda: decisions("micro")[:3])
    timed(["macro-precision", "macro-recall", "macro-f1-all"], lambda: decisions("macro")[:3])
    timed(["jaccard-micro"], lambda: jaccard("micro"))
    timed(["jaccard-macro"], lambda: jaccard("macro"))
    timed(["exact-match"], lambda: [metrics.accuracy_score(gold, predicted)])
    timed(["micro-roc-auc"], lambda: [metrics.roc_auc_score(dense, scores, average="micro")])
    timed(["macro-roc-auc"], lambda: [metrics.roc_auc_score(*choose(both), average="macro")])
    timed(["micro-pr-auc"], lambda: [metrics.average_precision_score(dense, scores, average="micro")])
    timed(["macro-pr-auc"], lambda: [metrics.average_precision_score(*choose(present), average="macro")])
    return values, seconds


def report(arguments, gold, ours, values, seconds):
    print(f"{gold.shape[0]} notes x {gold.shape[1]} codes, {gold.nnz} gold pairs, {arguments.scores} scores")
    print(f"{'metric':<18} {'icdbench':>20} {'scikit-learn':>20} {'difference':>11}")
    agree = True
    for name, value in values.items():
        difference = abs(ours["scores"][name] - value)
        agree &= bool(difference <= TOLERANCE)
        print(f"{name:<18} {ours['scores'][name]:>20.15f} {value:>20.15f} {difference:>11.1e}")
    print("all within" if agree else "NOT all within", TOLERANCE)
    total = sum(seconds.values())
    print(f"\nscikit-learn {sklearn.__version__}, seconds:")
    for names, spent in seconds.items():
        print(f"  {spent:8.3f}  {names}")
    print(f"  {total:8.3f}  total")
    print(f"icdbench, seconds on {ours['threads']} threads, all {len(ours['scores'])} scores:")
    for name in ["first-seconds", "median-seconds", "tuning-seconds"]:
        print(f"  {ours[name]:8.3f}  {name.removesuffix('-seconds')}")
    print(f"ratio (scikit-learn total / icdbench median): {total / ours['median-seconds']:.1f}")
    own_peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"peak memory: icdbench {ours['peak-rss-bytes'] / 1e6:.0f} MB, scikit-learn {own_peak / 1e6:.0f} MB")
    return agree


if __name__ == "__main__":
    main()
