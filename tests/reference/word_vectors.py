#!/usr/bin/env python3
"""Writes tests/fixtures/word_vectors/*.json: the first steps of word2vec and of StarSpace.

    pip install numpy gensim==4.4.0
    python3 tests/reference/word_vectors.py [--out FOLDER]

`tests/word_vectors.rs` compares icdbench with these files and needs no Python. Both methods are restated here in float64,
word2vec from Mikolov et al. (2013) and Rong (2014), StarSpace from Wu et al. (2018) and the program of its authors.

word2vec.json
    Each case is one batch that gensim itself was given. What gensim drew (windows, negatives) is drawn here a second time from
    the same generators, so that `drawn` is what gensim learnt from. `exact` is the restatement's with the exact sigmoid, `table`
    with the table of sigmoids of word2vec's program and of gensim; the script stops where the latter is more than 1e-6 from
    what gensim's own vectors became. Counts are such that there is one Huffman tree only.
starspace.json
    Two batches each: sums, losses and rows after each. Words that a note has several times are learnt from one by one here.
"""

import argparse
import json
import pathlib

import numpy as np

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "fixtures" / "word_vectors"
COUNTS = [610, 377, 233, 144, 89, 55, 34, 21, 13]
DIMENSION = 6
WINDOW = 3
NEGATIVE = 3
ALPHA = 0.05
SENTENCES = [[0, 3, 1, 1, 5, 2, 0, 8], [4, 0, 7, 6], [2], [1, 0]]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def tabled(x):
    """Of 1,000 points from -6 to 6; 1000 / 6 / 2 is divided in whole numbers there, so that 0 has 0.494."""
    return sigmoid((int((x + 6) * 83) / 1000 * 2 - 1) * 6)


class Drawn:
    """What gensim draws for a batch: its generators, used as it uses them."""

    def __init__(self, seed, table, skip_gram, negative):
        random = np.random.RandomState(seed)
        state = 2**24 * int(random.randint(0, 2**24)) + int(random.randint(0, 2**24)) if negative else 0
        self.words = [word for sentence in SENTENCES for word in sentence]
        self.ends = np.cumsum([len(sentence) for sentence in SENTENCES]).tolist()
        self.narrower = random.randint(0, WINDOW, len(self.words)).tolist()
        self.negatives = []
        for place, context in self.contexts():
            for _ in context if skip_gram else [None]:
                for _ in range(negative):
                    drawn = int(np.searchsorted(table, (state >> 16) % int(table[-1]), side="left"))
                    state = (state * 25214903917 + 11) & 281474976710655
                    # gensim also draws for a word that has none around it, and learns nothing.
                    if context:
                        self.negatives.append(drawn)

    def contexts(self):
        """Each place, with the places around it."""
        start = 0
        for end in self.ends:
            for place in range(start, end):
                reach = WINDOW - self.narrower[place]
                yield place, [near for near in range(max(start, place - reach), min(end, place + reach + 1)) if near != place]
            start = end


def word2vec(start, drawn, paths, activation, skip_gram, negative, softmax, mean):
    """One step after another; vectors, what negative sampling and the tree compare with."""
    vectors = start.astype(np.float64)
    outputs = np.zeros_like(vectors)
    nodes = np.zeros((len(COUNTS) - 1, DIMENSION))
    negatives = iter(drawn.negatives)

    def decide(hidden, table, targets):
        change = np.zeros(DIMENSION)
        for target, label in targets:
            product = hidden @ table[target]
            if abs(product) >= 6:
                continue
            rate = (label - activation(product)) * ALPHA
            change += rate * table[target]
            table[target] += rate * hidden
        return change

    def around(word):
        """Each decision about a word: a table and its targets."""
        if softmax:
            yield nodes, [(node, 1 - code) for node, code in paths[word]]
        if negative:
            yield outputs, [(word, 1)] + [(other, 0) for other in (next(negatives) for _ in range(negative)) if other != word]

    for place, context in drawn.contexts():
        word = drawn.words[place]
        if skip_gram:
            for near in context:
                for table, targets in around(word):
                    vectors[drawn.words[near]] += decide(vectors[drawn.words[near]].copy(), table, targets)
        elif context:
            rows = [drawn.words[near] for near in context]
            for table, targets in around(word):
                hidden = np.sum([vectors[row] for row in rows], axis=0)
                change = decide(hidden / len(rows) if mean else hidden, table, targets)
                for row in rows:
                    vectors[row] += change if mean else change / len(rows)
    return vectors, outputs if negative else np.zeros((0, DIMENSION)), nodes if softmax else np.zeros((0, DIMENSION))


def word2vec_case(seed, skip_gram, negative, softmax, mean):
    import gensim
    from gensim.models.word2vec_inner import train_batch_cbow, train_batch_sg

    settings = dict(sg=int(skip_gram), negative=negative, hs=int(softmax), cbow_mean=int(mean))
    model = gensim.models.Word2Vec(vector_size=DIMENSION, window=WINDOW, min_count=1, sample=0, seed=seed, workers=1, **settings)
    model.build_vocab_from_freq({str(word): count for word, count in enumerate(COUNTS)})
    # Larger than any real start, so that sigmoids are not all a half.
    start = np.random.default_rng(seed).normal(0, 0.7, (len(COUNTS), DIMENSION)).astype(np.float32)
    model.wv.vectors[:] = start
    drawn = Drawn(seed, model.cum_table, skip_gram, negative)
    paths = {}
    if softmax:
        for word in range(len(COUNTS)):
            points, codes = (model.wv.get_vecattr(str(word), name) for name in ("point", "code"))
            paths[word] = list(zip(points.tolist(), codes.tolist()))
    asked = (skip_gram, negative, softmax, mean)
    exact = word2vec(start, drawn, paths, sigmoid, *asked)
    table = word2vec(start, drawn, paths, tabled, *asked)
    sentences = [[str(word) for word in sentence] for sentence in SENTENCES]
    work, neu1 = np.zeros(DIMENSION, np.float32), np.zeros(DIMENSION, np.float32)
    model.random = np.random.RandomState(seed)
    if skip_gram:
        train_batch_sg(model, sentences, ALPHA, work, False)
    else:
        train_batch_cbow(model, sentences, ALPHA, work, neu1, False)
    found = [model.wv.vectors, getattr(model, "syn1neg", table[1]), getattr(model, "syn1", table[2])]
    wrong = max(np.abs(one[: len(other)] - other).max() for one, other in zip(found, table) if one.size)
    apart = np.abs(exact[0] - table[0]).max()
    moved = np.abs(table[0] - start).max()
    if wrong > 1e-6:
        raise SystemExit(f"gensim and its restatement are {wrong:.2e} apart, having moved {moved:.2e}")
    print(f"word2vec {settings}: moved {moved:.3f}, restatement {wrong:.1e} away, exact sigmoids {apart:.1e}")
    return {
        "settings": {
            "architecture": "skip-gram" if skip_gram else "cbow", "dimension": DIMENSION, "epochs": 1, "window": WINDOW,
            "min-count": 1, "sample": 0.0, "negative": negative, "ns-exponent": 0.75, "hierarchical-softmax": softmax,
            "cbow-mean": mean, "alpha": ALPHA, "min-alpha": ALPHA, "initial": 0.5, "sigmoid": "exact", "seed": seed,
            "unlabelled": [],
        },
        "counts": COUNTS,
        "start": values(start),
        "drawn": {name: getattr(drawn, name) for name in ("words", "ends", "narrower", "negatives")},
        "paths": [paths[word] for word in sorted(paths)],
        "exact": [values(one) for one in exact],
        "table": [values(one) for one in table],
    }


def starspace_case(seed, loss, similarity, adagrad):
    words, labels, rate = 7, 5, 0.1
    settings = {
        "dimension": DIMENSION, "epochs": 1, "min-count": 1, "loss": loss, "similarity": similarity, "margin": 0.3,
        "neg-search-limit": 6, "max-neg-samples": 2, "batch-size": 2, "lr": rate, "adagrad": adagrad, "p": 0.5,
        "init-rand-sd": 0.5, "norm": 1.0, "seed": seed,
    }
    random = np.random.default_rng(seed)
    start = random.normal(0, 0.5, (words + labels, DIMENSION)).astype(np.float32)
    rows = start.astype(np.float64)
    squares = np.zeros(words + labels)
    batches = []

    def divided(row, members):
        return row / (members**settings["p"] if similarity == "dot" else max(np.linalg.norm(row), np.finfo(np.float32).eps))

    def similar(one, other):
        return one @ other / (1 if similarity == "dot" else np.linalg.norm(one) * np.linalg.norm(other))

    def move(row, source, rate, weight):
        if adagrad:
            squares[row] += weight / DIMENSION
            rate /= np.sqrt(squares[row] + 1e-6)
        rows[row] -= rate * source

    for _ in range(2):
        notes = [random.integers(0, words, size).tolist() for size in (5, 3)]
        own = random.integers(0, labels, 2).tolist()
        drawn = random.integers(0, labels, 6).tolist()
        of_drawn = [divided(rows[words + label], 1) for label in drawn]
        total, learnt = 0.0, []
        for note, label in zip(notes, own):
            lhs = divided(np.sum([rows[word] for word in note], axis=0), len(note))
            rhs = divided(rows[words + label], 1)
            others = [place for place, other in enumerate(drawn) if other != label]
            if loss == "hinge":
                missing = [(place, settings["margin"] - similar(lhs, rhs) + similar(lhs, of_drawn[place])) for place in others]
                missing = [(place, value) for place, value in missing if value > 0][: settings["max-neg-samples"]]
                if not missing:
                    learnt.append(None)
                    continue
                total += sum(value for _, value in missing) / len(drawn)
                gradient = np.mean([of_drawn[place] for place, _ in missing], axis=0) - rhs
                learnt.append((lhs, gradient, -1.0, {place: 1 / len(missing) for place, _ in missing}))
            else:
                scores = np.exp([lhs @ rhs] + [lhs @ of_drawn[place] for place in others])
                scores /= scores.sum()
                total -= np.log(scores[0])
                gradient = rhs * (scores[0] - 1) + sum(score * of_drawn[place] for score, place in zip(scores[1:], others))
                learnt.append((lhs, gradient, scores[0] - 1, dict(zip(others, scores[1:]))))
        for note, label, found in zip(notes, own, learnt):
            if found:
                lhs, gradient, weight, _ = found
                for word in note:
                    move(word, gradient, rate, gradient @ gradient)
                move(words + label, lhs, weight * rate, lhs @ lhs)
        for place, label in enumerate(drawn):
            for found in learnt:
                if found and place in found[3]:
                    move(words + label, found[0], found[3][place] * rate, found[0] @ found[0])
        for row in {word for note in notes for word in note} | {words + label for label in own + drawn}:
            rows[row] *= min(1.0, settings["norm"] / np.linalg.norm(rows[row]))
        bags = [sorted((word, note.count(word)) for word in set(note)) for note in notes]
        batches.append({"bags": bags, "labels": own, "drawn": drawn, "loss": total, "rows": values(rows)})
    print(f"starspace {loss} {similarity} adagrad={adagrad}: losses {[round(batch['loss'], 4) for batch in batches]}")
    return {"settings": settings, "words": words, "rate": rate, "start": values(start), "batches": batches}


def values(array):
    return [float(f"{value:.9g}") for value in np.asarray(array).ravel().tolist()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=FOLDER)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    both = [
        # seed, skip-gram, negative, hierarchical softmax, mean
        (1, False, NEGATIVE, False, True),
        (2, False, NEGATIVE, False, False),
        (3, False, 0, True, True),
        (4, False, NEGATIVE, True, True),
        (5, True, NEGATIVE, False, True),
        (6, True, 0, True, True),
        (7, True, NEGATIVE, True, True),
    ]
    spaces = [(1, "hinge", "cosine", True), (2, "hinge", "dot", False), (3, "softmax", "dot", True), (4, "softmax", "cosine", False)]
    for name, cases in [
        ("word2vec", [word2vec_case(*case) for case in both]),
        ("starspace", [starspace_case(*case) for case in spaces]),
    ]:
        lines = ",\n".join(json.dumps(case) for case in cases)
        (out / f"{name}.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
