#!/usr/bin/env python3
"""Writes tests/fixtures/tokenizers: the ids that Hugging Face's tokenizers give.

    pip install tokenizers transformers
    python3 tests/reference/make_tokenizers.py [FOLDER_WITH_CODIESP] [--out FOLDER]

Each case is a folder as `transformers` reads it: vocab.txt, or a tokenizer.json, with the settings of its
tokenizer_config.json. expected.json holds, by case, the settings, the ids of the first texts in clear, and SHA-256 over
the ids of all 1,000; with CodiEsp at hand also over the ids of its notes, whose texts stay where they are.
tests/text/hugging_face.rs makes the same texts from the same seed.
"""

import argparse
import hashlib
import json
import os
import tempfile
from pathlib import Path

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
from transformers import AutoTokenizer  # noqa: E402

FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "tokenizers"
TEXTS, IN_CLEAR = 1000, 12

CASES = {
    "cased": {"do_lower_case": False},
    "uncased": {"do_lower_case": True},
    "accents kept": {"do_lower_case": True, "strip_accents": False},
    "cased without accents": {"do_lower_case": False, "strip_accents": True},
    "chinese characters in words": {"do_lower_case": True, "tokenize_chinese_chars": False},
    "cased, chinese characters in words": {"do_lower_case": False, "tokenize_chinese_chars": False},
    "tokenizer.json": {"do_lower_case": True, "strip_accents": False, "tokenize_chinese_chars": False},
}

# What the texts are made of. The vocabulary spells most of the first ones: letters, digits, punctuation, accents, some
# Chinese, and control characters, which vanish.
RANGES = [
    (0x61, 0x7A), (0x41, 0x5A), (0x41, 0x7A), (0x30, 0x39), (0x20, 0x2F), (0xC0, 0xFF), (0xC0, 0x17F), (0x300, 0x304),
    (0x3B1, 0x3C9), (0x391, 0x3A9), (0x410, 0x44F), (0x4E00, 0x4E10), (0x3042, 0x3052), (0xAC00, 0xAC08), (0x00, 0x1F),
    (0x7F, 0xA0),
]  # fmt: skip
# Other scripts, marks, spaces, the edges of the Chinese blocks, everything.
FARTHER = [
    (0xA1, 0xBF), (0x180, 0x24F), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x4FF), (0x590, 0x5FF), (0x600, 0x6FF),
    (0x900, 0x97F), (0xE00, 0xE7F), (0x1100, 0x11FF), (0x1680, 0x1680), (0x1E00, 0x1EFF), (0x1F00, 0x1FFF),
    (0x2000, 0x206F), (0x20A0, 0x20FF), (0x2100, 0x218F), (0x2E00, 0x2E5F), (0x3000, 0x303F), (0x3040, 0x30FF),
    (0x33FF, 0x3401), (0x4DBE, 0x4E01), (0x4E00, 0x9FFF), (0x9FFE, 0xA000), (0xAC00, 0xD7A3), (0xE000, 0xE010),
    (0xF8FF, 0xFB06), (0xFE00, 0xFE2F), (0xFF00, 0xFF60), (0xFFF0, 0xFFFF), (0x1D400, 0x1D430), (0x1F600, 0x1F64F),
    (0x1FFFE, 0x20010), (0x2A6DE, 0x2A701), (0x2B73E, 0x2B741), (0x2B81E, 0x2B921), (0x2CEAE, 0x2CEB1),
    (0x2F7FF, 0x2FA20), (0xE0000, 0xE007F), (0x10FFF0, 0x10FFFF), (0x00, 0x10FFFF),
]  # fmt: skip

PIECES = """fever cough fiebre tos paciente patient dolor pain the of con sin años á é ñ in im ab an
    ##ever ##ough ##iente ##ent ##s ##es ##mente ##ción ##itis ##osis ##algia ##ly ##ing ##áz ##ñ ##io ##ía ##ab ##abc""".split()


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("codiesp", nargs="?", type=Path)
    options.add_argument("--out", type=Path, default=FOLDER)
    options = options.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    vocabulary = make_vocabulary()
    (options.out / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    texts = make_texts()
    corpora = codiesp(options.codiesp) if options.codiesp else {}
    cases = {}
    for name, settings in CASES.items():
        tokenizer = read(name, settings, options.out)
        ids = [encode(tokenizer, text) for text in texts]
        cases[name] = {
            "settings": settings,
            "first": ids[:IN_CLEAR],
            "random": digest(ids),
            **{corpus: digest(encode(tokenizer, text) for text in texts) for corpus, texts in corpora.items()},
        }
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(case)}" for name, case in cases.items())
    (options.out / "expected.json").write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


def make_vocabulary():
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + PIECES
    single = [(0x21, 0x7E), (0xA1, 0xAC), (0xBF, 0x17F), (0x300, 0x304), (0x3B1, 0x3C9), (0x430, 0x44F), (0x5D0, 0x5EA)]
    single += [(0x3042, 0x3052), (0x30A2, 0x30AA), (0x4E00, 0x4E10), (0xAC00, 0xAC08), (0x1100, 0x1105)]
    for first, last in single:
        for character in map(chr, range(first, last + 1)):
            tokens += [character, "##" + character]
    return list(dict.fromkeys(tokens))


class Random:
    """A linear congruential generator, so that Rust draws the same."""

    def __init__(self, seed):
        self.state = seed

    def below(self, bound):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % bound


def make_texts():
    random = Random(20240229)
    return [make_text(random) for _ in range(TEXTS)]


def make_text(random):
    text = ""
    for _ in range(1 + random.below(24)):
        ranges = FARTHER if random.below(5) == 0 else RANGES
        first, last = ranges[random.below(len(ranges))]
        for _ in range(1 + random.below(6)):
            point = first + random.below(last - first + 1)
            text += "\ufffd" if 0xD800 <= point < 0xE000 else chr(point)
        text += " " * random.below(2)
        if random.below(3) == 0:
            text += PIECES[random.below(len(PIECES))].removeprefix("##")
    return text


def codiesp(folder):
    """The texts of the three parts with codes, by language, in the order of their names."""
    corpora = {}
    for language, place in [("es", "text_files"), ("en", "text_files_en")]:
        texts = []
        for part in ["train", "dev", "test"]:
            for path in sorted((folder / "codiesp" / part / place).glob("*.txt")):
                texts.append(path.read_bytes().decode("utf-8"))
        corpora[f"codiesp-{language}"] = texts
    return corpora


def read(name, settings, out):
    """The tokenizer of the case's folder; a tokenizer.json is written by a first one and read by a second."""
    config = {"tokenizer_class": "BertTokenizer", **settings}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "config.json").write_text('{"model_type": "bert"}')
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
        (folder / "vocab.txt").write_bytes((out / "vocab.txt").read_bytes())
        tokenizer = AutoTokenizer.from_pretrained(folder)
        if name == "tokenizer.json":
            (folder / "vocab.txt").unlink()
            tokenizer.save_pretrained(folder)
            text = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
            (out / "tokenizer.json").write_text(json.dumps(text, ensure_ascii=False) + "\n", encoding="utf-8")
            tokenizer = AutoTokenizer.from_pretrained(folder)
        return tokenizer


def encode(tokenizer, text):
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def digest(ids):
    """SHA-256 over a line of numbers for each text."""
    lines = "".join(" ".join(map(str, ids)) + "\n" for ids in ids)
    return hashlib.sha256(lines.encode()).hexdigest()


if __name__ == "__main__":
    main()
