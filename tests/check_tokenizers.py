"""Random Unicode as ids: `driftscope tokens` against the Python package `tokenizers`, for variants of a
tokenizer.json that between them hold every normalizer, pre-tokenizer, behavior and flag that is read.

check_tokenizers.py PROGRAM FOLDER BYTES TOKENIZER.json...   BYTES of text in all; prints what differs, exit status 1."""
import json
import os
import random
import subprocess
import sys

from tokenizers import Tokenizer

program, folder, total = sys.argv[1], sys.argv[2], int(sys.argv[3])
GPT4O = ("[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         "\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+")
CL100K = ("'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}+| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|\\s++$|\\s*[\\r\\n]|\\s+(?!\\S)|\\s")
CJK = "[一-龥぀-ゟ゠-ヿ]+"
MARKS = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
NESTED = " ?[^(\\s|[.,!?…。，、।۔،])]+"
BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]


def byte_level(space=False, regex=True):
    return {"type": "ByteLevel", "add_prefix_space": space, "trim_offsets": True, "use_regex": regex}


def sequence(*steps):
    return {"type": "Sequence", "pretokenizers": list(steps)}


def split(regex, behavior="Isolated", invert=False, kind="Regex"):
    return {"type": "Split", "pattern": {kind: regex}, "behavior": behavior, "invert": invert}


def letters(*steps):
    return sequence(*steps, byte_level(regex=False))


def token(text, id, **flags):
    standard = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
    return {"id": id, "content": text, **standard, **flags}


def variants(base):
    """Names and changes of the file: of a size that leaves each its share of the text."""
    yield "as it is", {}
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        yield form, {"normalizer": {"type": form}}
    yield "NFD, then NFKC", {"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "NFKC"}]}}
    yield "no normal form", {"normalizer": None}
    for space in (False, True):
        for regex in (False, True):
            yield f"ByteLevel {space} {regex}", {"pre_tokenizer": byte_level(space, regex)}
    for name, regex in (("gpt-4o", GPT4O), ("cl100k", CL100K), ("nested", NESTED), ("marks", MARKS)):
        yield name, {"pre_tokenizer": letters(split(regex))}
    for behavior in BEHAVIORS:
        for invert in (False, True):
            yield f"Split {behavior} {invert}", {"pre_tokenizer": letters(split("\\p{L}+|[0-9]", behavior, invert))}
            yield f"Split empty {behavior} {invert}", {"pre_tokenizer": letters(split("a*|(?=[A-Z])", behavior, invert))}
        yield f"Split String {behavior}", {"pre_tokenizer": letters(split(" a", behavior, kind="String"))}
        yield f"Punctuation {behavior}", {"pre_tokenizer": letters({"type": "Punctuation", "behavior": behavior})}
    for alone in (False, True):
        yield f"Digits {alone}", {"pre_tokenizer": sequence({"type": "Digits", "individual_digits": alone}, byte_level(True))}
    yield "Whitespace", {"pre_tokenizer": letters({"type": "Whitespace"})}
    yield "words", {"pre_tokenizer": letters(split("\\w+"), split("\\d"), split("[\\W\\n]"), split("\\S\\s"))}
    yield "anchors", {"pre_tokenizer": letters(split("^\\p{Lu}|.$"), split("(?<=a|\\s)b(?!c)"), split("x{,2}y{2}?|(?>ab|a)c"))}
    for name in ("L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "N", "Nd", "P", "S", "Z", "Han", "Hiragana", "Katakana", "Hangul", "Latin",
                 "Greek", "Cyrillic", "Arabic", "Thai"):
        yield f"\\p{{{name}}}", {"pre_tokenizer": letters(split(f"\\p{{{name}}}+"), split(f"\\P{{{name}}}.[^\\P{{{name}}}a]"))}
    yield "letters first", {"pre_tokenizer": sequence({"type": "Punctuation", "behavior": "Contiguous"}, byte_level(),
                                                      {"type": "Digits", "individual_digits": False}, split("[0-9][0-9][0-9]"))}
    yield "CJK", {"pre_tokenizer": sequence(split("[\r\n]"), split("\\s?[A-Za-zµÀ-ÖØ-öø-ƺ]+"), split("\\s?[!-/:-~！-／：-～‘-‟　-。]+"),
                                            split("\\s+$"), split(CJK), {"type": "Digits", "individual_digits": True}, byte_level(regex=False))}
    vocab = base["model"]["vocab"]
    taken = {t["content"] for t in base["added_tokens"]}
    extra, free = {}, max([len(vocab) - 1] + [t["id"] for t in base["added_tokens"]]) + 1
    for text in ["<|x|>", "the", "th", "é", "ﬁ", "  ", "\n\n", "Å", "ing"]:
        if text not in taken:
            extra[text] = vocab.get(text, free)
            free += text not in vocab
    for flags in ({}, {"lstrip": True}, {"rstrip": True}, {"lstrip": True, "rstrip": True}, {"single_word": True},
                  {"normalized": True}, {"normalized": True, "lstrip": True, "single_word": True}, {"special": True, "rstrip": True}):
        yield f"added {flags}", {"added_tokens": base["added_tokens"] + [
            token(text, id, **flags) for text, id in extra.items()]}
    yield "ignore_merges", {"model": {**base["model"], "ignore_merges": True}}
    if not isinstance(base["model"]["merges"][0], str):
        yield "merges as text", {"model": {**base["model"], "merges": [" ".join(pair) for pair in base["model"]["merges"]]}}
        few = base["model"]["merges"][:300]
        yield "a merge twice", {"model": {**base["model"], "merges": few + few[:7] + base["model"]["merges"][300:]}}


WORDS = ("the of and to in is that for it was with as be by on not he his they'LL we've I'm you'd don't DON'T 's 'S it's o'clock "
         "naïve café façade 模式 与 数值 テスト 한국어 привет мир שלום مرحبا नमस्ते ไทย Ελληνικά straße ŒUVRE ﬁn ½ ² Å é e\u0301 ẛ̣ 3.14 1234567 "
         "0x1F x**2 a_b <|endoftext|> <|x|> <| |> ... --- !? ((( /// \\n {x} ª ǅ ʰ ٣٤ ⅷ ⑨ 𝟘𝟙 😀 👩‍👩‍👧‍👦 🇩🇪 ☃️ \u017f \u212a").split(" ")
SPACES = [" "] * 12 + ["  ", "   ", "\n", "\n\n", "\t", "\r\n", "\u00a0", "\u3000", "\u2028", "\u180e", "\u200b", "\u0085", "\x0b", "\x1c", "", ""]
BLOCKS = [(0, 0x80), (0x80, 0x250), (0x250, 0x600), (0x300, 0x370), (0x600, 0x1000), (0x1000, 0x2000), (0x1ab0, 0x1b00), (0x2000, 0x3100),
          (0x3100, 0xd800), (0xac00, 0xd7a4), (0x1100, 0x1200), (0xe000, 0x10000), (0x10000, 0x12000), (0x12000, 0x20000), (0x1d100, 0x1d200),
          (0x20000, 0x34000), (0, 0xd800), (0xe0000, 0x110000)]


def text_of(draw, size):
    parts, bytes_ = [], 0
    while bytes_ < size:
        kind = draw.random()
        if kind < 0.55:
            part = draw.choice(WORDS) + draw.choice(SPACES)
        elif kind < 0.9:
            low, high = draw.choice(BLOCKS)
            part = "".join(chr(draw.randrange(low, high)) for _ in range(draw.randrange(1, 9)))
        elif kind < 0.95:
            part = draw.choice("ab1 \n.é中") * draw.randrange(1, 200)
        else:
            part = "".join(chr(draw.choice([draw.randrange(0x61, 0x7b), draw.randrange(0x300, 0x370)])) for _ in range(20))
        part = "".join(c for c in part if not 0xD800 <= ord(c) < 0xE000)
        parts.append(part)
        bytes_ += len(part.encode())
    return "".join(parts)


EVERY = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def every_code_point(name):
    """What looks at characters one by one is shown all of them; a class by itself, in order."""
    if ", \\p{" in name:
        return "".join(EVERY)
    if name.split(", ", 1)[1] in ("as it is", "NFC", "NFD", "NFKC", "NFKD", "Digits True", "Punctuation Isolated", "Whitespace", "words"):
        return "".join(f"a{c}1\n" for c in EVERY)
    return None


def differences(name, path, text):
    file = os.path.join(folder, "text.txt")
    with open(file, "w", encoding="utf-8", newline="") as out:
        out.write(text)
    done = subprocess.run([program, "tokens", "-q", "--no-bos", "--tokenizer", path, "--text", file], capture_output=True, text=True)
    if done.returncode:
        return f"{name}: exit status {done.returncode}: {done.stderr.strip()}"
    got, want = [int(id) for id in done.stdout.split()], Tokenizer.from_file(path).encode(text, add_special_tokens=False).ids
    if got == want:
        return None
    first = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want)))
    around = Tokenizer.from_file(path).decode(want[max(0, first - 8):first + 8], skip_special_tokens=False)
    return (f"{name}: {len(got)} ids, want {len(want)}; token {first}: got {got[first:first + 6]}, want {want[first:first + 6]}, "
            f"in {around!r}")


def main():
    draw, failed, count, texts = random.Random(16), 0, 0, 0
    cases = [(f"{os.path.basename(path)}, {name}", {**base, **change})
             for path in sys.argv[4:] for base in [json.load(open(path, encoding="utf-8"))] for name, change in variants(base)]
    for name, tokenizer in cases:
        path = os.path.join(folder, "tokenizer.json")
        with open(path, "w", encoding="utf-8") as out:
            json.dump(tokenizer, out, ensure_ascii=False)
        drawn = [text_of(draw, total // len(cases))]
        if total >= 10_000_000:
            drawn.append(every_code_point(name))
        for text in filter(None, drawn):
            wrong = differences(name, path, text)
            count, texts, failed = count + len(text.encode()), texts + 1, failed + bool(wrong)
            if wrong:
                print(wrong)
    print(f"{texts} texts, {count} bytes, {failed} differ")
    return 1 if failed else 0


sys.exit(main())
