"""Descriptions of Debian's packages with the section that each is filed under, as JSON lines for `--dataset-name`.

    python sections.py                               # data/sections/{train,test}.jsonl

Needs the standard library alone and a mirror of Debian (`--mirror`).
"""

import argparse
from pathlib import Path

from debian import MIRROR, descriptions, fetch, order, stanzas
from rows import write_splits

# Sections of a meaning that can be told from a text, each with hundreds of packages.
SECTIONS = ["admin", "games", "graphics", "mail", "net", "science", "sound", "web"]
LONGEST = 1500  # characters of a description, about 400 tokens


def main(out: Path, mirror: str, per_section: int, test: int) -> None:
    texts = descriptions(mirror)
    rows: dict[str, dict[str, str]] = {}
    for fields in stanzas(fetch(mirror, "binary-amd64/Packages.xz")):
        text = texts.get(fields.get("Description-md5", ""), "")[:LONGEST]
        if fields.get("Section") in SECTIONS and len(text) > 200:
            # Packages of one source share most of their description: one of them is enough.
            source = fields.get("Source", fields["Package"]).split()[0]
            rows.setdefault(source, {"text": text, "section": fields["Section"]})
    chosen = []
    for section in SECTIONS:
        own = [row for row in rows.values() if row["section"] == section]
        chosen += sorted(own, key=lambda row: order(row["text"]))[:per_section]
    # By another order than the choice above, which took the first of each section.
    chosen.sort(key=lambda row: order(f"split/{row['text']}"))
    write_splits(out, chosen[test:], chosen[:test])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("data/sections"))
    parser.add_argument("--mirror", default=MIRROR)
    parser.add_argument("--per-section", type=int, default=150)
    parser.add_argument("--test", type=int, default=200)
    args = parser.parse_args()
    main(args.out, args.mirror, args.per_section, args.test)
