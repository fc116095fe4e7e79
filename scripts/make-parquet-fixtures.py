"""test/fixtures/datasets/*.parquet, and what pyarrow reads of them as JSON (rows.json).

    python3 -m venv .venv && .venv/bin/pip install pyarrow datasets
    .venv/bin/python scripts/make-parquet-fixtures.py

The same rows with each compression, in row groups of two. lzo.parquet only says that it is compressed with LZO, which
nobody writes any more; empty.parquet has no rows; labels.parquet has class labels, as the hub's datasets do.
"""
import datetime, decimal, json, pathlib
import datasets
import pyarrow as pa
import pyarrow.parquet as pq

OUT = pathlib.Path("test/fixtures/datasets")
SAFE = 2**53 - 1
UTC = datetime.timezone.utc


def at(second, milliseconds):
    return datetime.datetime(2026, 11, 27, 6, 50, second, 1000 * milliseconds)


def said(*contents):
    return [{"role": role, "content": content} for role, content in zip(["system", "user"][-len(contents):], contents)]


rows = [
    {"prompt": said("How much is 1 + 1?"), "question": "plain", "answer": 2, "label": "yes"},
    {"prompt": said("Be brief.", "Why?"), "question": 'quote " comma , end\nof line', "answer": -7, "label": "no"},
    {"prompt": said("größer 👩‍👩‍👧 ٤٢"), "question": "größer 👩‍👩‍👧 ٤٢", "answer": 2**60 + 1, "label": "no"},
    {"prompt": said("", "An empty system message"), "question": " spaces ", "answer": 0, "label": "yes"},
    {"prompt": said("last"), "question": "\u2028 lines \u2029", "answer": SAFE, "label": "maybe"},
]
for i, row in enumerate(rows):
    row |= {
        "price": decimal.Decimal("12.30") * (i + 1),
        "at": at(i, 678),
        "at_ms": at(i, 9),
        "day": datetime.date(2026, 1, 1) + datetime.timedelta(days=40 * i),
        "tags": [f"t{n}" for n in range(i)],
        "grid": [[1, 2], [], [i]],
        "true": i % 2 == 0,
        "ratio": 0.5 * i - 1,
        "small": i,
        "note": None if i % 2 else f"note {i}",
    }

schema = pa.schema(
    [
        ("prompt", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
        ("question", pa.string()),
        ("answer", pa.int64()),
        ("label", pa.dictionary(pa.int32(), pa.string())),
        ("price", pa.decimal128(10, 2)),
        ("at", pa.timestamp("us", tz="UTC")),
        ("at_ms", pa.timestamp("ms")),
        ("day", pa.date32()),
        ("tags", pa.list_(pa.string())),
        ("grid", pa.list_(pa.list_(pa.int64()))),
        ("true", pa.bool_()),
        ("ratio", pa.float64()),
        ("small", pa.uint8()),
        ("note", pa.large_string()),
    ]
)
table = pa.Table.from_pylist(rows, schema)


def plain(value):
    """As JSON has it: what JavaScript's numbers can't hold is text."""
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, int) and abs(value) > SAFE:
        return str(value)
    if isinstance(value, list):
        return [plain(part) for part in value]
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    return value


OUT.mkdir(exist_ok=True)
for compression in ["none", "snappy", "gzip", "zstd", "brotli", "lz4"]:
    version = "2.0" if compression in ["zstd", "none"] else "1.0"
    pq.write_table(
        table, OUT / f"{compression}.parquet", compression=compression, row_group_size=2, data_page_version=version
    )
read = pq.read_table(OUT / "snappy.parquet").to_pylist()
(OUT / "rows.json").write_text(json.dumps([plain(row) for row in read], ensure_ascii=False, indent=1) + "\n")

pq.write_table(table.slice(0, 0), OUT / "empty.parquet")

# In a column's metadata: field 4, the codec (GZIP is 2, in zigzag 4), then field 5, which is an i64. LZO is 3.
data = (OUT / "gzip.parquet").read_bytes()
footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
(OUT / "lzo.parquet").write_bytes(data[:footer] + data[footer:].replace(b"\x15\x04\x16", b"\x15\x06\x16"))
assert pq.read_metadata(OUT / "lzo.parquet").row_group(0).column(0).compression == "LZO"

label = datasets.ClassLabel(names=["negative", "neutral", "positive"])
labelled = {"text": ["a", "b", "c"], "label": [2, 0, -1], "tags": [[1], [], [0, 2]], "stars": [5, 1, 3]}
features = {"text": datasets.Value("string"), "label": label, "tags": [label], "stars": datasets.Value("int32")}
datasets.Dataset.from_dict(labelled, datasets.Features(features)).to_parquet(OUT / "labels.parquet")
