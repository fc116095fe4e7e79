"""test/fixtures/kl.json: the KL of a model to one of other weights, over the vocabulary, by torch.

    python3 -m venv .venv && .venv/bin/pip install torch transformers
    .venv/bin/python scripts/make-kl-reference.py

The policy is models/qwen2-tied; the reference model has each of its weights times 0.9. Given are the KL where
each token of a completion is drawn, and the gradient of their weighted sum.
"""
import copy, json, torch
from transformers import AutoModelForCausalLM

TEMPERATURE = 0.7
SCALE = 0.9
PROMPTS = [[5, 6, 7, 8], [5, 6, 9]]
# Equal completions, and shared prefixes, among them.
COMPLETIONS = [[[1, 2, 3], [1, 2, 4, 5], [1, 2, 3]], [[40, 41], [40], [60, 61, 62]]]

policy = AutoModelForCausalLM.from_pretrained("test/fixtures/models/qwen2-tied", dtype=torch.float32).eval()
reference = copy.deepcopy(policy)
with torch.no_grad():
    for weight in reference.parameters():
        weight.mul_(SCALE)


def log_softmax(model, prompt, completion):
    logits = model(torch.tensor([prompt + completion])).logits[0, len(prompt) - 1 : -1]
    return (logits / TEMPERATURE).log_softmax(-1)


kls = []
for prompt, completions in zip(PROMPTS, COMPLETIONS):
    for completion in completions:
        logp = log_softmax(policy, prompt, completion)
        with torch.no_grad():
            logq = log_softmax(reference, prompt, completion)
        kls.append(torch.nn.functional.kl_div(logq, logp, reduction="none", log_target=True).sum(-1))
kls = torch.cat(kls)
weights = torch.linspace(-1, 2, len(kls))
(weights * kls).sum().backward()
result = {
    "temperature": TEMPERATURE,
    "scale": SCALE,
    "prompts": PROMPTS,
    "completions": COMPLETIONS,
    "kls": [round(x, 7) for x in kls.tolist()],
    "weights": weights.tolist(),
    "grads": {
        name: {"norm": g.norm().item(), "first": g.flatten()[:4].tolist(), "sum": g.sum().item()}
        for name, g in ((name, weight.grad) for name, weight in policy.named_parameters())
    },
}
with open("test/fixtures/kl.json", "w") as out:
    json.dump(result, out)
print(result["kls"])
