#!/usr/bin/env python3
"""icdbench's logistic regression beside scikit-learn's, on the same features, labels and split.

    pip install numpy scikit-learn
    cargo build --release
    python3 tests/reference/logistic_regression.py --data DIR

Runs the logistic regressions of `suites/codiesp-dev.toml` (or --suite), exports their counts of words as svmlight
files, weighs them by scikit-learn's TfidfTransformer where the run does, fits its LogisticRegression (the C of the
suite, one classifier a code, to convergence), tunes one threshold on the validation notes by the suite's grid, and prints micro-F1 on the evaluation notes side by side for
each run and length. Exits with 1 when they differ by more than 0.01.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import tomllib

import numpy as np
from sklearn.datasets import load_svmlight_files
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.preprocessing import MultiLabelBinarizer


def call(program, *arguments):
    return subprocess.run([program, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


def scikit_learn(folder, settings):
    """Threshold and micro-F1 of converged scikit-learn classifiers on the exported features."""
    files = [str(folder / f"{part}.svmlight") for part in ("train", "validation", "evaluation")]
    train_x, train_y, tune_x, tune_y, test_x, test_y = load_svmlight_files(files, multilabel=True, zero_based=True)
    if settings["features"] == "tf-idf":
        weigh = TfidfTransformer(norm="l2" if settings["unit-length"] else None).fit(train_x)
        train_x, tune_x, test_x = (weigh.transform(x) for x in (train_x, tune_x, test_x))
    labels = MultiLabelBinarizer().fit(train_y)
    train_y, tune_y, test_y = (labels.transform(y) for y in (train_y, tune_y, test_y))
    tune, test = np.zeros(tune_y.shape), np.zeros(test_y.shape)
    for code in range(train_y.shape[1]):
        model = LogisticRegression(C=settings["penalty"]["l2"]["inverse-strength"], solver="lbfgs", max_iter=20000, tol=1e-6)
        model.fit(train_x, train_y[:, code])
        tune[:, code] = model.predict_proba(tune_x)[:, 1]
        test[:, code] = model.predict_proba(test_x)[:, 1]
    grid = np.linspace(0, 1, 100)
    values = [f1_score(tune_y, tune > threshold, average="micro", zero_division=0) for threshold in grid]
    threshold = grid[int(np.argmax(values))]
    return threshold, f1_score(test_y, test > threshold, average="micro")


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
    worst = 0.0
    print(f"{'run':<30}  {'length':>6}  {'icdbench':>8}  {'sklearn':>8}  {'difference':>10}  sklearn's threshold")
    for cell in cells:
        run, length = cell["cell"]["run"], cell["cell"]["length"]
        done = json.loads(call(arguments.binary, *common, "run", arguments.suite, "--cell", cell["key"]))
        with tempfile.TemporaryDirectory() as folder:
            call(arguments.binary, *common, "data", "export", arguments.suite, "--out", folder,
                 "--run", run, "--length", str(length))
            threshold, theirs = scikit_learn(pathlib.Path(folder), settings[run])
        ours = done["scores"]["micro-f1"]
        worst = max(worst, abs(ours - theirs))
        print(f"{run:<30}  {length:>6}  {ours:8.4f}  {theirs:8.4f}  {ours - theirs:+10.4f}  {threshold:.4f}")
    sys.exit(0 if cells and worst <= 0.01 else 1)


if __name__ == "__main__":
    main()
