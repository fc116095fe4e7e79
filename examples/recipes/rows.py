"""Rows as JSON lines for `--dataset-name`; used by the scripts beside this one."""

import json
from pathlib import Path


def write_lines(file: Path, rows: list[dict]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows))


def write_splits(folder: Path, train: list[dict], test: list[dict]) -> None:
    """The files of a dataset whose split `test` is held out."""
    write_lines(folder / "train.jsonl", train)
    write_lines(folder / "test.jsonl", test)
    print(f"{folder}: {len(train)} to train on, {len(test)} to test")
