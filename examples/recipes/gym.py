"""Problems of ten reasoning-gym tasks with short answers, as JSON lines for `--dataset-name`.

    pip install reasoning-gym==0.1.19
    python gym.py                                    # data/gym/TASK/{train,test}.jsonl
    python gym.py --scores FILE                      # what the package's own scorers say, for the tests

reasoning-gym (https://github.com/open-thought/reasoning-gym, Apache-2.0) generates problems by rule. Train and
test come from different seeds, and no test question is among those to train on.
"""

import argparse
import json
from pathlib import Path

import reasoning_gym

from rows import write_splits

TASKS = [
    "base_conversion",
    "basic_arithmetic",
    "chain_sum",
    "count_bits",
    "gcd",
    "lcm",
    "leg_counting",
    "letter_counting",
    "products",
    "spell_backward",
]
# As the package generates them, but sums and products of a size that a model of 0.5B finds at times.
SETTINGS = {
    "basic_arithmetic": {"max_terms": 3, "max_digits": 2},
    "chain_sum": {"max_terms": 3, "max_digits": 2},
    "products": {"max_digits": 2},
    "count_bits": {"max_n": 1023},
    "base_conversion": {"max_value": 255},
    "leg_counting": {"max_animals": 4},
    "letter_counting": {"max_words": 8},
    "spell_backward": {"max_word_len": 6},
}


def dataset(task: str, size: int, seed: int):
    return reasoning_gym.create_dataset(task, size=size, seed=seed, **SETTINGS.get(task, {}))


def rows(task: str, size: int, seed: int) -> dict[str, str]:
    """Questions with their answers; a question that comes twice is kept once."""
    return {entry["question"]: entry["answer"] for entry in dataset(task, size, seed)}


def as_rows(answers: dict[str, str]) -> list[dict[str, str]]:
    return [{"question": question, "answer": answer} for question, answer in answers.items()]


def write_data(out: Path, train: int, test: int) -> None:
    for task in TASKS:
        asked = rows(task, test, seed=2)
        learned = {q: a for q, a in rows(task, train, seed=1).items() if q not in asked}
        write_splits(out / task, as_rows(learned), as_rows(asked))


def candidates(answer: str) -> list[str]:
    """Completions that a scorer must tell apart."""
    other = answer[:-1] + ("1" if answer[-1:] != "1" else "2")
    return [answer, other, f"{answer}0", f"The answer is {answer}.", "", "none"]


def write_scores(file: Path) -> None:
    """Of three problems a task, the package's score of each candidate."""
    checks = []
    for task in TASKS:
        problems = dataset(task, 3, seed=3)
        for entry in problems:
            for candidate in candidates(entry["answer"]):
                score = float(problems.score_answer(candidate, entry))
                checks.append(
                    {"task": task, "answer": entry["answer"], "completion": candidate, "score": score}
                )
    lines = ",\n".join(json.dumps(check, ensure_ascii=False) for check in checks)
    file.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("data/gym"))
    parser.add_argument("--scores", type=Path)
    parser.add_argument("--train", type=int, default=2000)
    parser.add_argument("--test", type=int, default=200)
    args = parser.parse_args()
    if args.scores:
        write_scores(args.scores)
    else:
        write_data(args.out, args.train, args.test)
