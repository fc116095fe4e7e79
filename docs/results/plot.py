"""Draws reward and held-out accuracy of the runs in this folder, and TRL's.

    pip install matplotlib && python3 plot.py        writes reward.svg
"""
import csv
import pathlib

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

HERE = pathlib.Path(__file__).parent
WINDOW = 25  # steps; the reward of one step is the mean over four prompts


def read(name):
    with open(HERE / name / "metrics.csv", newline="") as file:
        return list(csv.DictReader(file))


def running_mean(values):
    return [sum(values[max(0, i - WINDOW + 1) : i + 1]) / len(values[max(0, i - WINDOW + 1) : i + 1]) for i in range(len(values))]


runs = {
    "SmolLM2-135M, constant rate": "smollm2-135m",
    "Qwen2.5-0.5B, constant rate": "qwen2.5-0.5b",
    "Qwen2.5-0.5B, rate falling to 0": "qwen2.5-0.5b-linear",
}
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
for (label, folder), colour in zip(runs.items(), ("#2563eb", "#dc2626", "#16a34a")):
    rows = read(folder)
    steps = [int(row["step"]) for row in rows]
    left.plot(steps, running_mean([float(row["reward"]) for row in rows]), color=colour, label=label)
    points = [row for row in rows if row["eval/accuracy"]]
    x = [int(row["step"]) for row in points]
    y = [float(row["eval/accuracy"]) for row in points]
    low = [a - float(row["eval/accuracy_low"]) for a, row in zip(y, points)]
    high = [float(row["eval/accuracy_high"]) - a for a, row in zip(y, points)]
    right.errorbar(x, y, yerr=[low, high], color=colour, marker="o", capsize=3, label=label)
left.set(title=f"training reward, mean of {WINDOW} steps", xlabel="step", ylim=(-1, 1))
right.set(title="held-out greedy accuracy, 95% interval", xlabel="step", ylim=(0, 1))
for axes in (left, right):
    axes.grid(alpha=0.3)
    axes.legend()
figure.tight_layout()
figure.savefig(HERE / "reward.svg")
