#!/usr/bin/env python3
"""icdbench's logistic regression beside scikit-learn's, on the same features, labels and split.

    pip install numpy scikit-learn
    cargo build --release
    python3 tests/reference/logistic_regression.py --data DIR

Runs the logistic regressions of `suites/codiesp-dev.toml` (or --suite), exports their counts of words as svmlight
files, weighs them by scikit-learn's TfidfTransformer where the run does, fits its LogisticRegression (the C of the
suite, one classifier a code, to convergence), tunes one threshold on the validation notes by the suite's grid, and prints
micro-F1 and MAP on the evaluation notes side by side for each run and length. Exits with 1 when micro-F1 differs by more than
0.01 or MAP by more than 0.005.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import tomllib
import warnings

import numpy as np
from sklearn.datasets import load_svmlight_files
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.preprocessing import MultiLabelBinarizer


def call(program, *arguments):
    return subprocess.run([program, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


def scikit_learn(folder, settings):
    """Threshold, micro-F1 and MAP of converged scikit-learn classifiers on the exported features."""
    files = [str(folder / f"{part}.svmlight") for part in ("train", "validation", "evaluation")]
    train_x, train_y, tune_x, tune_y, test_x, test_y = load_svmlight_files(files, multilabel=True, zero_based=True)
    if settings["features"] == "tf-idf":
        weigh = TfidfTransformer(norm="l2" if settings["unit-length"] else None).fit(train_x)
        train_x, tune_x, test_x = (weigh.transform(x) for x in (train_x, tune_x, test_x))
    evaluation_gold = test_y
    # Codes that no training note has; they count as missed below.
    warnings.filterwarnings("ignore", message="unknown class")
    labels = MultiLabelBinarizer().fit(train_y)
    train_y, tune_y, test_y = (labels.transform(y) for y in (train_y, tune_y, test_y))
    tune, test = np.zeros(tune_y.shape), np.zeros(test_y.shape)
    for code in range(train_y.shape[1]):
        model = LogisticRegression(C=settings["penalty"]["l2"]["inverse-strength"], solver="lbfgs", max_iter=20000, tol=1e-6)
        model.fit(train_x, train_y[:, code])
        tune[:, code] = model.predict_proba(tune_x)[:, 1]
        test[:, code] = model.predict_proba(test_x)[:, 1]
    gold = [set(map(int, codes)) for codes in evaluation_gold]
    average = mean_average_precision(test, gold, [int(code) for code in labels.classes_])
    grid = np.linspace(0, 1, 100)
    values = [f1_score(tune_y, tune > threshold, average="micro", zero_division=0) for threshold in grid]
    threshold = grid[int(np.argmax(values))]
    # Codes that no training note has are gold all the same: each is missed.
    correct = int((test_y * (test > threshold)).sum())
    predicted, wanted = int((test > threshold).sum()), sum(map(len, gold))
    return threshold, 2 * correct / max(1, predicted + wanted), average


def mean_average_precision(scores, gold, codes):
    """The mean over the notes of the mean over a note's gold codes of the precision at their rank."""
    total = 0.0
    for row, wanted in zip(scores, gold):
        hits, precision = 0, 0.0
        # Of equal scores the higher index first, as the suites have it.
        for rank, place in enumerate(np.lexsort((-np.arange(len(row)), -row)), 1):
            if codes[place] in wanted:
                hits += 1
                precision += hits / rank
        total += precision / len(wanted) if wanted else 0.0
    return total / len(gold)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", required=True, help="directory that holds codiesp/")
    arguments.add_argument("--suite", default="suites/codiesp-dev.toml")
    arguments.add_argument("--results", default="results")
    arguments.add_argument("--binary", default="target/release/icdbench")
    arguments = arguments.parse_args()
    common = ["--data", arguments.data, "--results", arguments.results, "--quiet", "--json"]
    runs = tomllib.loads(pathlib.Path(arguments.suite).read_text())["run"]
    regressions = [run for run in runs if "logistic_regression" in run["model"]]
    settings = {run.get("name", "logistic_regression"): run["model"]["logistic_regression"] for run in regressions}
    plan = json.loads(call(arguments.binary, *common, "plan", "--no-estimate", arguments.suite))
    cells = [cell for cell in plan if cell["cell"]["model"] == "logistic_regression"]
    good = bool(cells)
    print(f"{'run':<30}  {'length':>6}  {'metric':>8}  {'icdbench':>8}  {'sklearn':>8}  {'difference':>10}  sklearn's threshold")
    for cell in cells:
        run, length = cell["cell"]["run"], cell["cell"]["length"]
        done = json.loads(call(arguments.binary, *common, "run", arguments.suite, "--cell", cell["key"]))
        with tempfile.TemporaryDirectory() as folder:
            call(arguments.binary, *common, "data", "export", arguments.suite, "--out", folder,
                 "--run", run, "--length", str(length))
            threshold, f1, average = scikit_learn(pathlib.Path(folder), settings[run])
        for metric, theirs, most in [("micro-f1", f1, 0.01), ("map", average, 0.005)]:
            ours = done["scores"][metric]
            good = good and abs(ours - theirs) <= most
            print(f"{run:<30}  {length:>6}  {metric:>8}  {ours:8.4f}  {theirs:8.4f}  {ours - theirs:+10.4f}  {threshold:.4f}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
