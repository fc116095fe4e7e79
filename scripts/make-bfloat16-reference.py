"""test/fixtures/models/*/bfloat16.json: log-probs and entropies by transformers in bfloat16.

    python3 -m venv .venv && .venv/bin/pip install torch transformers
    .venv/bin/python scripts/make-bfloat16-reference.py

Weights are rounded to bfloat16, as `dtype: bfloat16` computes; log-softmax is taken in float32.
"""
import glob, json, os, torch
from transformers import AutoModelForCausalLM

TEMPERATURE = 0.7

for path in sorted(glob.glob("test/fixtures/models/*/reference.json")):
    folder = os.path.dirname(path)
    generator = torch.Generator().manual_seed(7)
    sequences = torch.randint(1, 96, (6, 24), generator=generator)
    result = {"temperature": TEMPERATURE, "sequences": sequences.tolist()}
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
        with torch.no_grad():
            logps = (model(sequences).logits.float() / TEMPERATURE).log_softmax(-1)[:, :-1]
        chosen = logps.gather(2, sequences[:, 1:, None])[..., 0]
        entropies = -(logps.exp() * logps).sum(-1)
        result[name] = {
            "logps": [[round(x, 6) for x in row] for row in chosen.tolist()],
            "entropies": [[round(x, 6) for x in row] for row in entropies.tolist()],
        }
    with open(os.path.join(folder, "bfloat16.json"), "w") as out:
        json.dump(result, out)
    print(folder)
