"""Texts to be reversed, as JSON lines for `--dataset-name`.

    python reverse_text.py          # data/reverse-text/{train,test}.jsonl and data/reverse-text-sft.jsonl

The texts are one-line descriptions of Debian's packages (`--mirror`): 1,000 to learn from by `sft`, others for
`train`, 200 that are held out. `completion` is what `sft` teaches: the reversed text in its tags.
"""

import argparse
from pathlib import Path

from debian import MIRROR, descriptions, order
from rows import write_lines, write_splits

SHORTEST, LONGEST = 20, 60  # characters; reversed, a token is two of them or fewer


def row(text: str) -> dict[str, str]:
    reversed_text = text[::-1]
    return {
        "text": text,
        "reversed": reversed_text,
        "completion": f"<reversed_text>{reversed_text}</reversed_text>",
    }


def main(out: Path, mirror: str, sft: int, train: int, test: int) -> None:
    lines = {text.split("\n")[0] for text in descriptions(mirror).values()}
    plain = [line for line in lines if SHORTEST <= len(line) <= LONGEST and line.isascii() and "<" not in line]
    rows = [row(text) for text in sorted(plain, key=order)[: sft + train + test]]
    write_splits(out / "reverse-text", rows[test : test + train], rows[:test])
    write_lines(out / "reverse-text-sft.jsonl", rows[test + train :])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("data"))
    parser.add_argument("--mirror", default=MIRROR)
    parser.add_argument("--sft", type=int, default=1000)
    parser.add_argument("--train", type=int, default=2000)
    parser.add_argument("--test", type=int, default=200)
    args = parser.parse_args()
    main(args.out, args.mirror, args.sft, args.train, args.test)
