"""The job of `icdbench data prepare mimic3-full` as a user of pandas or polars would write it.

    prepare_peers.py pandas|polars EXPORT OUT.parquet

Reads NOTEEVENTS.csv, keeps discharge summaries, joins those of an admission with a space, gives each admission its codes
with dots, its part from splits.csv, and writes Parquet. No checksum, no checks, no counts. Prints one JSON line: rows, codes
and a checksum over what was made, so that the three can be compared.
"""

import hashlib
import json
import sys
import time
from pathlib import Path


def dotted(code, procedure):
    if procedure:
        return code[:2] + "." + code[2:]
    at = 4 if code.startswith("E") else 3
    return code if len(code) <= at else code[:at] + "." + code[at:]


def with_pandas(export, out):
    import pandas as pd

    notes = pd.read_csv(
        export / "NOTEEVENTS.csv",
        usecols=["SUBJECT_ID", "HADM_ID", "CATEGORY", "TEXT"],
        dtype={"HADM_ID": "Int64"},
    )
    notes = notes[notes.CATEGORY == "Discharge summary"]
    notes = notes.groupby(["SUBJECT_ID", "HADM_ID"], sort=False).TEXT.agg(" ".join).reset_index()
    lists = []
    for name, procedure in [("DIAGNOSES_ICD", False), ("PROCEDURES_ICD", True)]:
        codes = pd.read_csv(export / f"{name}.csv", dtype={"ICD9_CODE": str}).dropna(subset=["ICD9_CODE"])
        codes = codes.sort_values(["HADM_ID", "SEQ_NUM"], kind="stable")
        codes["CODE"] = [dotted(code, procedure) for code in codes.ICD9_CODE]
        lists.append(codes[["HADM_ID", "CODE"]])
    codes = pd.concat(lists).drop_duplicates()
    codes = codes.groupby("HADM_ID").CODE.agg(list).rename("CODES")
    table = notes.merge(codes, on="HADM_ID", how="left")
    parts = pd.read_csv(export / "splits.csv")
    table = table.merge(parts, left_on="HADM_ID", right_on="hadm_id").sort_values("HADM_ID")
    table.drop(columns="hadm_id").to_parquet(out, compression="zstd")
    return table.TEXT, table.CODES


def with_polars(export, out):
    import polars as pl

    notes = (
        pl.scan_csv(export / "NOTEEVENTS.csv", schema_overrides={"CGID": pl.String, "ISERROR": pl.String})
        .filter(pl.col("CATEGORY") == "Discharge summary")
        .select("SUBJECT_ID", "HADM_ID", "TEXT")
        .group_by("SUBJECT_ID", "HADM_ID", maintain_order=True)
        .agg(pl.col("TEXT").str.join(" "))
    )
    lists = []
    for name, procedure in [("DIAGNOSES_ICD", False), ("PROCEDURES_ICD", True)]:
        code = pl.col("ICD9_CODE")
        at = pl.lit(2) if procedure else pl.when(code.str.starts_with("E")).then(4).otherwise(3)
        dotted = code.str.slice(0, at) + "." + code.str.slice(at)
        if not procedure:
            dotted = pl.when(code.str.len_chars() <= at).then(code).otherwise(dotted)
        lists.append(
            pl.scan_csv(export / f"{name}.csv", schema_overrides={"ICD9_CODE": pl.String})
            .drop_nulls("ICD9_CODE")
            .sort("HADM_ID", "SEQ_NUM", nulls_last=True, maintain_order=True)
            .select("HADM_ID", dotted.alias("CODE"))
        )
    codes = pl.concat(lists).unique(maintain_order=True).group_by("HADM_ID", maintain_order=True).agg("CODE")
    parts = pl.scan_csv(export / "splits.csv")
    table = (
        notes.join(codes, on="HADM_ID", how="left")
        .join(parts, left_on="HADM_ID", right_on="hadm_id")
        .sort("HADM_ID")
        .collect()
    )
    table.write_parquet(out, compression="zstd")
    return table["TEXT"], table["CODE"]


def main():
    tool, export, out = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    started = time.perf_counter()
    texts, codes = {"pandas": with_pandas, "polars": with_polars}[tool](export, out)
    seconds = time.perf_counter() - started
    digest = hashlib.sha256()
    pairs = 0
    for text, listed in zip(texts, codes):
        listed = [] if listed is None or isinstance(listed, float) else list(listed)
        pairs += len(listed)
        digest.update(text.encode())
        digest.update(" ".join(listed).encode())
    print(json.dumps({"tool": tool, "seconds": seconds, "rows": len(texts), "pairs": pairs, "sha256": digest.hexdigest()}))


if __name__ == "__main__":
    main()
