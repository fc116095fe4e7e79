"""test/fixtures/similarity.json: what Python's difflib says of pairs of texts.

    python3 scripts/make-similarity-reference.py

Each pair is [a, b, difflib.SequenceMatcher(None, a, b).ratio()].
"""
import difflib, json, random

rng = random.Random(16)
WORDS = "the quick brown fox jumps over a lazy dog and the answer is forty two naïve café 数字 🦜 e\u0301".split()

text = lambda words: " ".join(rng.choice(WORDS) for _ in range(words))
letters = lambda count, of: "".join(rng.choice(of) for _ in range(count))


def edited(text, edits):
    chars = list(text)
    for _ in range(edits):
        at = rng.randrange(len(chars) + 1)
        chars[at : at + rng.randrange(3)] = letters(rng.randrange(3), "abc é🦜")
    return "".join(chars)


pairs = [("", ""), ("", "a"), ("a", ""), ("a", "a"), ("abcd", "bcde"), ("ab" * 150, "ba" * 150), ("x" * 199, "x" * 250)]
pairs += [("x" * 250, "x" * 199), ("x" * 250, "x" * 250), ("qabxcd", "abycdf"), ("private volatile", "volatile private")]
# Up to 199 characters all are looked up; from 200 on those above 1% are not.
for words in (1, 3, 10, 30, 36, 38, 40, 80):
    for _ in range(6):
        b = text(words)
        pairs += [(b[::-1], b), (edited(b, words), b), (text(words), b), (b, edited(b, 3))]
for count in (5, 50, 199, 200, 201, 300):
    for alphabet in ("ab", "abcdefgh", "".join(map(chr, range(0x4E00, 0x4F00)))):
        pairs += [(letters(count, alphabet), letters(count, alphabet))]

cases = [[a, b, difflib.SequenceMatcher(None, a, b).ratio()] for a, b in pairs]
with open("test/fixtures/similarity.json", "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n]\n")
