"""Texts of Debian's packages, from a mirror's lists; used by `sections.py` and `reverse_text.py`.

The release is a stable one, whose lists change little. The descriptions are the packages' own, under the licences of
these.
"""

import hashlib
import lzma
import urllib.request

MIRROR = "http://deb.debian.org/debian"
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


def descriptions(mirror: str) -> dict[str, str]:
    """Descriptions by their MD5, as running text: `.` alone stands for an empty line."""
    return {
        fields["Description-md5"]: "\n".join(
            "" if line == "." else line for line in fields["Description-en"].splitlines()
        ).strip()
        for fields in stanzas(fetch(mirror, "i18n/Translation-en.xz"))
        if "Description-en" in fields
    }


def order(text: str) -> str:
    """A key to sort texts by: an order that is arbitrary, and always the same."""
    return hashlib.sha256(text.encode()).hexdigest()
