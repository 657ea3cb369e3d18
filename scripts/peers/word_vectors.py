#!/usr/bin/env python3
"""Sets icdbench's word2vec beside gensim's, and its StarSpace beside the original: neighbours, what CAML makes of them.

    cargo build --release --examples && pip install gensim==4.4.0 numpy
    python3 scripts/peers/word_vectors.py
    python3 scripts/peers/word_vectors.py --text FILE
    python3 scripts/peers/word_vectors.py --tiny

Both train on the same words: those of the training part of generated notes (about 10 MB), or of FILE, a text a line.

Neighbours: the ten nearest words of each of the --words most frequent ones, by cosine; how many of the ten two trainings have in
common. gensim with another seed beside gensim is the yardstick.

Downstream: CAML starts from each file of vectors (`word-vectors = { file = .. }` of a suite), same notes, --seeds seeds each; its
micro-F1 and the difference to gensim's.

StarSpace: with --starspace PATH, the program that its authors' sources build to (github.com/facebookresearch/StarSpace; it
needs Boost), the same but for gensim: one thread there, as it has no other that gives the same numbers twice.

How fast word2vec is beside gensim says stage_speed.py.
"""

import argparse
import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
THREADS = 2
# What CAML's authors and gensim 4 have, each setting by its name.
WORD2VEC = {
    "architecture": "cbow", "dimension": 100, "epochs": 5, "window": 5, "min-count": 3, "sample": 1e-3, "negative": 5,
    "ns-exponent": 0.75, "hierarchical-softmax": False, "cbow-mean": True, "alpha": 0.025, "min-alpha": 1e-4, "initial": 1.0,
    "sigmoid": "table", "seed": 1, "unlabelled": [],
}
STARSPACE = {
    "dimension": 300, "epochs": 5, "min-count": 3, "loss": "hinge", "similarity": "cosine", "margin": 0.05, "neg-search-limit": 50,
    "max-neg-samples": 10, "batch-size": 5, "lr": 0.01, "adagrad": True, "p": 0.5, "init-rand-sd": 0.001, "norm": 1.0, "seed": 1,
}
# Of Student's t, 97.5 %, by degrees of freedom.
STUDENT = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262, 10: 2.228, 11: 2.201}


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--text", type=pathlib.Path, help="a file with a text a line, in the place of generated notes")
    options.add_argument("--notes", type=int, default=6000)
    options.add_argument("--median-words", type=int, default=400)
    options.add_argument("--words", type=int, default=1000)
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--starspace", type=pathlib.Path, help="the authors' program")
    options.add_argument("--tiny", action="store_true", help="everything once, on next to nothing: the figures mean nothing")
    options.add_argument("--binary", type=pathlib.Path, default=ROOT / "target/release/icdbench")
    options.add_argument("--example", type=pathlib.Path, help="[default: examples/train_vectors beside the binary]")
    options.add_argument("--architectures", nargs="*", default=["cbow", "skip-gram"], choices=["cbow", "skip-gram"])
    options = options.parse_args()
    options.binary = options.binary.resolve()
    options.example = (options.example or options.binary.parent / "examples/train_vectors").resolve()
    if options.tiny:
        options.notes, options.median_words, options.words, options.seeds = 200, 40, 50, 2
    with tempfile.TemporaryDirectory() as folder:
        compare(options, pathlib.Path(folder))


def compare(options, folder):
    texts, labels = read_texts(options, folder)
    plain, labelled = folder / "texts.txt", folder / "labelled.txt"
    plain.write_text("\n".join(" ".join(text) for text in texts) + "\n")
    words = sum(map(len, texts))
    print(f"{len(texts)} texts, {words} words, {plain.stat().st_size / 1e6:.1f} MB, {len(set(w for t in texts for w in t))} words that differ")
    for architecture in options.architectures:
        settings = WORD2VEC | {"architecture": architecture}
        ours = lambda seed, out: train_ours(options, plain, {"word2vec": settings | {"seed": seed}}, out)
        gensim = lambda seed, out: train_gensim(texts, settings | {"seed": seed}, out)
        beside(options, folder, f"word2vec {architecture}", ours, ("gensim", gensim), texts, settings["min-count"])
    if labels is None:
        print("StarSpace: not attempted: needs notes with codes")
        return
    labelled.write_text("\n".join(" ".join(text + ["__label__" + code for code in codes]) for text, codes in zip(texts, labels)) + "\n")
    ours = lambda seed, out: train_ours(options, labelled, {"starspace": STARSPACE | {"seed": seed}}, out)
    if options.starspace is None:
        seconds, trained = ours(1, folder / "starspace.txt")
        print(f"StarSpace: icdbench {trained / seconds:,.0f} words/s; beside the original not attempted: needs its program (--starspace)")
        return
    theirs = lambda seed, out: train_starspace(options, labelled, seed, out)
    beside(options, folder, "StarSpace", ours, ("StarSpace", theirs), texts, STARSPACE["min-count"])


def beside(options, folder, title, ours, peer, texts, least):
    """One method of both programs."""
    name, theirs = peer
    files = {("icdbench", 1): folder / "ours.txt", ("icdbench", 2): folder / "ours-2.txt",
             (name, 1): folder / "theirs.txt", (name, 2): folder / "theirs-2.txt"}
    for (who, seed), file in files.items():
        (theirs if who == name else ours)(seed, file)
    counts = {}
    for word in (word for text in texts for word in text):
        counts[word] = counts.get(word, 0) + 1
    frequent = sorted((word for word in counts if counts[word] >= least), key=lambda word: (-counts[word], word))[: options.words]
    near = {key: neighbours(file, frequent) for key, file in files.items()}
    shared = lambda one, other: np.mean([len(near[one][word] & near[other][word]) / len(near[one][word]) for word in frequent])
    print(f"{title}: of ten neighbours of {len(frequent)} words, icdbench and {name} share {shared(('icdbench', 1), (name, 1)):.3f}, "
          f"{name} with two seeds {shared((name, 1), (name, 2)):.3f}, icdbench with two seeds {shared(('icdbench', 1), ('icdbench', 2)):.3f}")
    if options.text is None:
        downstream(options, folder, title, name, files)


def read_texts(options, folder):
    """Texts as lists of words, by CAML's rule: lower case, letters and digits, no numbers. Their codes, where they have any."""
    rule = lambda text: [word for word in re.findall(r"\w+", text.lower()) if not word.isnumeric()]
    if options.text is not None:
        lines = options.text.read_text().splitlines()
        return [words for words in map(rule, lines) if words], None
    notes = folder / "notes"
    run([options.binary, "-q", "data", "synth", "--notes", options.notes, "--median-words", options.median_words, "--to", notes])
    codes = {}
    for line in (notes / "codes.tsv").read_text().splitlines():
        part, note, code = line.split("\t")
        if part == "train":
            codes.setdefault(note, []).append(code)
    files = sorted((notes / "train").iterdir())
    return [rule(file.read_text()) for file in files], [codes.get(file.stem, []) for file in files]


def train_ours(options, texts, settings, out):
    (method, values), = settings.items()
    path = out.with_suffix(".toml")
    path.write_text(f"[{method}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()))
    done = run([options.example, texts, path, out], RAYON_NUM_THREADS=str(THREADS))
    trained, seconds = re.match(r"(\d+) words in (\S+) seconds", done).groups()
    return float(seconds), int(trained)


def train_gensim(texts, settings, out):
    import gensim

    model = gensim.models.Word2Vec(
        vector_size=settings["dimension"], alpha=settings["alpha"], min_alpha=settings["min-alpha"], window=settings["window"],
        min_count=settings["min-count"], sample=settings["sample"], seed=settings["seed"], workers=THREADS,
        sg=int(settings["architecture"] == "skip-gram"), hs=int(settings["hierarchical-softmax"]), negative=settings["negative"],
        ns_exponent=settings["ns-exponent"], cbow_mean=int(settings["cbow-mean"]), epochs=settings["epochs"],
    )
    model.build_vocab(texts)
    model.train(texts, total_examples=model.corpus_count, epochs=settings["epochs"])
    model.wv.save_word2vec_format(str(out))


def train_starspace(options, texts, seed, out):
    model = out.with_suffix(".model")
    run([options.starspace, "train", "-trainFile", texts, "-model", model, "-trainMode", 0, "-dim", STARSPACE["dimension"],
         "-epoch", STARSPACE["epochs"], "-minCount", STARSPACE["min-count"], "-loss", STARSPACE["loss"], "-similarity",
         STARSPACE["similarity"], "-margin", STARSPACE["margin"], "-negSearchLimit", STARSPACE["neg-search-limit"], "-maxNegSamples",
         STARSPACE["max-neg-samples"], "-batchSize", STARSPACE["batch-size"], "-lr", STARSPACE["lr"], "-adagrad",
         int(STARSPACE["adagrad"]), "-p", STARSPACE["p"], "-initRandSd", STARSPACE["init-rand-sd"], "-norm", STARSPACE["norm"],
         # One trains, one cuts rows; with more, it reads the texts in another order and so draws other numbers.
         "-thread", 2 if seed == 1 else 3])
    rows = [line.split("\t") for line in model.with_suffix(".model.tsv").read_text().splitlines()]
    rows = [row for row in rows if not row[0].startswith("__label__")]
    out.write_text(f"{len(rows)} {STARSPACE['dimension']}\n" + "".join(" ".join(row) + "\n" for row in rows))


def neighbours(file, words):
    """Of each word the ten others that are nearest by cosine, of all words of the file."""
    lines = file.read_text().splitlines()[1:]
    names = [line.split(" ", 1)[0] for line in lines]
    rows = np.array([line.split(" ")[1:] for line in (line.rstrip() for line in lines)], dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True) + 1e-12
    place = {name: index for index, name in enumerate(names)}
    asked = rows[[place[word] for word in words]] @ rows.T
    near = np.argsort(-asked, axis=1)[:, :11]
    return {word: {names[other] for other in row if names[other] != word} for word, row in zip(words, near)}


def downstream(options, folder, title, name, files):
    """CAML from each file."""
    scores = {}
    for (who, seed), file in files.items():
        digest = run(["sha256sum", file]).split()[0]
        dimension = file.open().readline().split()[1]
        suite = folder / "caml.toml"
        suite.write_text(caml_suite(options, file, digest, dimension))
        results = folder / f"results-{file.stem}-{title.replace(' ', '-')}"
        lines = run([options.binary, "-q", "--json", "--results", results, "run", suite, "--no-report"]).splitlines()
        scores[who, seed] = [json.loads(line)["scores"]["micro-f1"] for line in lines]
    for who in dict.fromkeys(who for who, _ in scores):
        both = scores[who, 1] + scores[who, 2]
        print(f"{title}: CAML from {who}'s vectors has micro-F1 {100 * np.mean(both):.2f} ± {100 * np.std(both, ddof=1):.2f} "
              f"({len(both)} runs: two trainings of vectors, {options.seeds} seeds)")
    ours, theirs = (scores[who, 1] + scores[who, 2] for who in ("icdbench", name))
    pairs = np.array(ours) - np.array(theirs)
    reach = STUDENT.get(len(pairs) - 1, 2.2) * pairs.std(ddof=1) / math.sqrt(len(pairs))
    print(f"{title}: difference {100 * pairs.mean():+.2f} points (95 % interval {100 * (pairs.mean() - reach):+.2f} to "
          f"{100 * (pairs.mean() + reach):+.2f})")


def caml_suite(options, file, digest, dimension):
    length, epochs = (32, 2) if options.tiny else (200, 4)
    return f"""
name = "caml-from-vectors"
description = "CAML from a file of vectors"
lengths = [{length}]
seeds = {list(range(1, options.seeds + 1))}
precision = "f32"
[data.synthetic]
seed = 1
notes = {options.notes}
median-words = {options.median_words}
[division]
train = "train"
validation = {{ part = "dev" }}
evaluation = "test"
notes-without-codes = "drop"
[labels]
rule = {{ top = {8 if options.tiny else 50} }}
unseen-codes = "ignore"
[text.words]
normalise = "caml"
tokenizer = {{ words = {{ min-documents = 3 }} }}
word-vectors = {{ file = {json.dumps(str(file))}, sha256 = "{digest}", dimension = {dimension}, scale = "as-read" }}
[evaluation]
at-k = [5]
ties = "higher-index-first"
threshold = {{ tuned = {{ objective = "micro-f1", grid = {{ start = 0.0, end = 1.0, points = 100 }} }} }}
[[run]]
text = "words"
[run.model.caml]
embedding = {dimension}
pretrained-embedding = true
filters = 50
width = 10
dropout = 0.2
label-block = 256
attend-to-padding = false
description-weight = 0.0
[run.training]
epochs = {epochs}
batch-size = 16
accumulate = 1
bucket = 4
optimiser = {{ adam = {{ betas = [0.9, 0.999], epsilon = 1e-8, weight-decay = 0.0, decay = "all" }} }}
learning-rate = 0.001
schedule = "constant"
clip-norm = 1.0
select = {{ best = {{ metric = "micro-f1", patience = 10 }} }}
"""


def run(command, **environment):
    import os

    done = subprocess.run([str(word) for word in command], env=os.environ | environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return done.stdout


if __name__ == "__main__":
    main()
