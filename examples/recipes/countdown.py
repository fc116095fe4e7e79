"""Problems of the game Countdown, as JSON lines for `--dataset-name`.

    python countdown.py                              # data/countdown/{train,test}.jsonl

Three or four numbers from 1 to 99 and a target from 1 to 100 that can be reached by using each of them once, with
+, -, * and /: the form of the dataset Jiayi-Pan/Countdown-Tasks-3to4, whose columns are `nums` and `target` too.
"""

import argparse
import json
import random
from fractions import Fraction
from pathlib import Path

from rows import write_splits


def combined(a: Fraction, b: Fraction, random_numbers: random.Random) -> Fraction | None:
    operation = random_numbers.choice("+-*/")
    if operation == "/":
        return a / b if b else None
    return {"+": a + b, "-": a - b, "*": a * b}[operation]


def problem(count: int, random_numbers: random.Random) -> dict:
    """Numbers, and the value of a random formula over them that is a whole number from 1 to 100."""
    while True:
        nums = [random_numbers.randint(1, 99) for _ in range(count)]
        values: list[Fraction | None] = [Fraction(n) for n in nums]
        while len(values) > 1 and None not in values:
            random_numbers.shuffle(values)
            values = [combined(values[0], values[1], random_numbers), *values[2:]]
        if values[0] is not None and values[0].denominator == 1 and 1 <= values[0] <= 100:
            return {"nums": nums, "target": int(values[0])}


def main(out: Path, train: int, test: int, seed: int) -> None:
    random_numbers = random.Random(seed)
    rows: dict[str, dict] = {}
    while len(rows) < train + test:
        row = problem(random_numbers.choice([3, 4]), random_numbers)
        rows[json.dumps([sorted(row["nums"]), row["target"]])] = row
    chosen = list(rows.values())
    write_splits(out, chosen[test:], chosen[:test])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("data/countdown"))
    parser.add_argument("--train", type=int, default=5000)
    parser.add_argument("--test", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    main(args.out, args.train, args.test, args.seed)
