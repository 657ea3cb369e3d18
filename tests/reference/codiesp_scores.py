#!/usr/bin/env python3
"""The rules of the CodiEsp track restated, and 50 random run files of D and X with their scores.

    python3 tests/reference/codiesp_scores.py > tests/fixtures/codiesp-scores.json

Written from the rules, not from the Rust code and not from the track's scripts: fractions, whole lists, nothing clever.
Needs Python alone.
"""

import json
import random
from fractions import Fraction


def unique(pairs):
    return list(dict.fromkeys(pairs))


def agreement(found, predicted, gold):
    precision = Fraction(found, predicted) if predicted else Fraction(0)
    recall = Fraction(found, gold) if gold else Fraction(0)
    both = precision + recall
    return [float(precision), float(recall), float(2 * precision * recall / both) if both else 0.0]


def ranking(gold, run, valid):
    gold = unique((case, code.lower()) for case, code in gold)
    run = unique((case, code.lower()) for case, code in run)
    run = [(case, code) for case, code in run if code in valid]
    total = Fraction(0)
    for case in unique(case for case, _ in run):
        codes = [code for other, code in run if other == case][:1000]
        wanted = [code for other, code in gold if other == case]
        precisions = Fraction(0)
        for rank in range(1, len(codes) + 1):
            if codes[rank - 1] in wanted:
                precisions += Fraction(sum(code in wanted for code in codes[:rank]), rank)
        if wanted:
            total += precisions / len(wanted)
    in_run = len(unique(case for case, _ in run))
    cases = len(unique(case for case, _ in gold))
    return {
        "map": float(total / in_run) if in_run else 0.0,
        "map-over-all-cases": float(total / cases) if cases else 0.0,
        "agreement": agreement(sum(pair in gold for pair in run), len(run), len(gold)),
    }


def spans(gold, run, valid):
    gold = [(case, code.lower(), pieces) for case, code, pieces in gold]
    run = [(case, code.lower(), place) for case, code, place in run if code.lower() in valid]
    wanted = unique((case, code) for case, code, _ in gold)
    predicted = unique((case, code) for case, code, _ in run)

    def count(right):
        return sum(
            any(
                right(place, pieces)
                for case, code, place in run
                for other, same, pieces in gold
                if (case, code) == pair == (other, same)
            )
            for pair in wanted
        )

    def holds(place, pieces):
        return 0 <= pieces[0][0] - place[0] <= 10 and 0 <= place[1] - pieces[-1][1] <= 10

    def overlaps(place, pieces):
        places = sorted(number for piece in pieces for number in piece)
        return len(set(range(*sorted(place))) & set(range(places[0], places[-1]))) > 0

    return {
        "agreement": agreement(count(holds), len(predicted), len(wanted)),
        "overlapping": agreement(count(overlaps), len(predicted), len(wanted)),
    }


def drawn(draw):
    codes = [f"{letter}{number:02}" for letter in "abJK" for number in range(draw.choice([3, 6]))]
    cases = [f"case-{number}" for number in range(draw.randint(1, 6))]
    valid = [code.lower() for code in codes if draw.random() < 0.8]
    gold = [(draw.choice(cases), draw.choice(codes)) for _ in range(draw.randint(1, 20))]
    known = cases + ["case-unknown"]
    run = []
    for _ in range(draw.randint(0, 40)):
        case, code = draw.choice(gold) if draw.random() < 0.5 else (draw.choice(known), draw.choice(codes))
        run.append((case, code.upper() if draw.random() < 0.2 else code))

    def place():
        start = draw.randint(0, 60)
        return (start, start + draw.randint(1, 25))

    def pieces():
        first = place()
        second = (first[1] + 3, first[1] + 3 + draw.randint(1, 20))
        return draw.choice([[first], [first], [first], [first, second], [first, second], [second, first]])

    gold_spans = [(case, code, pieces()) for case, code in gold]
    run_spans = []
    for case, code in run:
        near = [pieces for other, same, pieces in gold_spans if (other, same) == (case, code)]
        if near and draw.random() < 0.7:
            span = draw.choice(near)
            found = (max(0, span[0][0] - draw.randint(-1, 11)), span[-1][1] + draw.randint(-1, 11))
            run_spans.append((case, code, found if min(found) >= 0 else place()))
        else:
            run_spans.append((case, code, place()))
    return valid, gold, run, gold_spans, run_spans


def main():
    draw = random.Random(2020)
    found = []
    for _ in range(50):
        valid, gold, run, gold_spans, run_spans = drawn(draw)
        lines = lambda rows: "".join("\t".join(row) + "\n" for row in rows)
        text = lambda pieces: ";".join(f"{start} {end}" for start, end in pieces)
        found.append(
            {
                "valid": lines((code, "a title") for code in valid),
                "gold": lines(gold),
                "run": lines(run),
                "gold-spans": lines((case, "DIAGNOSTICO", code, "words", text(pieces)) for case, code, pieces in gold_spans),
                "run-spans": lines((case, text([place]), "DIAGNOSTICO", code) for case, code, place in run_spans),
                "ranking": ranking(gold, run, valid),
                "spans": spans(gold_spans, run_spans, valid),
            }
        )
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
