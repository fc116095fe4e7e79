"""Descriptions of Debian's packages with the section that each is filed under, as JSON lines for `--dataset-name`.

    python make_data.py --out data                   # data/{train,test}.jsonl

Needs the standard library alone and a mirror of Debian (`--mirror`, default http://deb.debian.org/debian). The
release is a stable one, whose lists change little; the descriptions are their packages' own, under the licences
of these.
"""

import argparse
import hashlib
import json
import lzma
import urllib.request
from pathlib import Path

# Sections of a meaning that can be told from a text, each with hundreds of packages.
SECTIONS = ["admin", "games", "graphics", "mail", "net", "science", "sound", "web"]
LONGEST = 1500  # characters of a description, about 400 tokens
RELEASE = "bookworm"


def fetch(mirror: str, path: str) -> str:
    with urllib.request.urlopen(f"{mirror}/dists/{RELEASE}/main/{path}") as response:
        return lzma.decompress(response.read()).decode()


def stanzas(text: str):
    """Paragraphs of a control file as dictionaries; a field's continuation lines keep their line breaks."""
    for paragraph in text.split("\n\n"):
        fields: dict[str, str] = {}
        name = ""
        for line in paragraph.splitlines():
            if line[:1] in (" ", "\t"):
                fields[name] += "\n" + line.strip()
            elif ":" in line:
                name, value = line.split(":", 1)
                fields[name] = value.strip()
        if fields:
            yield fields


def description(text: str) -> str:
    """A description as running text: `.` alone stands for an empty line."""
    lines = ["" if line == "." else line for line in text.splitlines()]
    return "\n".join(lines).strip()[:LONGEST]


def order(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def main(out: Path, mirror: str, per_section: int, test: int) -> None:
    texts = {
        fields["Description-md5"]: description(fields["Description-en"])
        for fields in stanzas(fetch(mirror, "i18n/Translation-en.xz"))
        if "Description-en" in fields
    }
    rows: dict[str, dict[str, str]] = {}
    for fields in stanzas(fetch(mirror, "binary-amd64/Packages.xz")):
        text = texts.get(fields.get("Description-md5", ""))
        if fields.get("Section") in SECTIONS and text and len(text) > 200:
            # Packages of one source share most of their description: one of them is enough.
            source = fields.get("Source", fields["Package"]).split()[0]
            rows.setdefault(source, {"text": text, "section": fields["Section"]})
    chosen = []
    for section in SECTIONS:
        own = [row for row in rows.values() if row["section"] == section]
        chosen += sorted(own, key=lambda row: order(row["text"]))[:per_section]
    # By another order than the choice above, which took the first of each section.
    chosen.sort(key=lambda row: order(f"split/{row['text']}"))
    out.mkdir(parents=True, exist_ok=True)
    for name, part in (("test", chosen[:test]), ("train", chosen[test:])):
        lines = (json.dumps(row, ensure_ascii=False) for row in part)
        (out / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in lines))
        counts = {section: sum(row["section"] == section for row in part) for section in SECTIONS}
        print(f"{name}: {len(part)} packages, {counts}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--mirror", default="http://deb.debian.org/debian")
    parser.add_argument("--per-section", type=int, default=150)
    parser.add_argument("--test", type=int, default=200)
    args = parser.parse_args()
    main(args.out, args.mirror, args.per_section, args.test)
