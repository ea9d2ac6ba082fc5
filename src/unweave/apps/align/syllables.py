"""Words into syllables, in any script, by rules that need no dictionary.

- Alphabets with vowels (Latin, Greek, Cyrillic and others): a syllable for each group of vowels. A
  consonant between two groups goes with the second; of several the last does, with the one before
  it where both are spoken together (`th`, `br`). In English an `e` at the end may be silent.
- Hangul, kana and ideographs: a syllable for each; small kana and long marks belong to the one
  before.
- Indic scripts: a syllable for each letter with its signs; what a virama joins is one.
- Whatever else there is, Hebrew and Arabic among it, whose vowels are hardly written: a syllable
  for every two letters.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

_ALPHABETS = {"LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "GEORGIAN"}
_WHOLE = {"CJK", "HANGUL", "HIRAGANA", "KATAKANA"}
_INDIC = {
    *("DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI", "ORIYA", "TAMIL", "TELUGU", "KANNADA"),
    *("MALAYALAM", "SINHALA"),
}
_VOWELS = {*"aeiouyæœøıə", *"αεηιουω", *"аеиоуыэюяєі", *"աեէըիոօ", *"აეიოუ"}  # noqa: RUF001
_GLIDES = {"й", "ў"}  # which without their signs are vowels
_JOINED = {*"ぁぃぅぇぉゃゅょゎっァィゥェォャュョヮッー"}
_NUCLEUS = re.compile("v+|w|xx?")
_TOGETHER = re.compile("[cgkpstw]h|[bcfgkp]l|[bcdfgkpt]r|qu")
_SILENT = re.compile("(?:[^aeiouyl]e|[aeiouy]le|[^aeioucghsxyz]es|[^aeioudty]ed)$")
_COMMON = frozenset("the and you of to my is it that with".split())
_ENGLISH = 0.06  # of the words of an English text, at least this share is among them


def english(text: str) -> bool:
    """Whether the words that English has most are many of those in a text."""
    words = re.findall(r"\w+", text.lower())
    return sum(word in _COMMON for word in words) >= max(1, _ENGLISH * len(words))


def syllables(word: str, *, english: bool = False) -> list[str]:
    """The parts of a word, which joined are the word; one where there is nothing to split.

    english: whether an `e` at the end is silent.
    """
    letters = _letters(word)
    kinds = "".join(_kinds(letters))
    nuclei = [found.span() for found in _NUCLEUS.finditer(kinds)]
    if english and len(nuclei) > 1 and _silent(word):
        nuclei.pop()
    cuts = [
        0,
        *(_cut(letters, kinds, end, start) for (_, end), (start, _) in pairwise(nuclei)),
        len(letters),
    ]
    return ["".join(letters[one:other]) for one, other in pairwise(cuts)]


def count(text: str, *, english: bool = False) -> int:
    """Syllables of all words of a text; what has neither letters nor digits has none."""
    words = (word for word in text.split() if any(map(str.isalnum, word)))
    return sum(len(syllables(word, english=english)) for word in words)


def _letters(word: str) -> list[str]:
    """Characters, each with the signs that combine with it."""
    found: list[str] = []
    for char in word:
        if found and unicodedata.category(char) in ("Mn", "Mc", "Me"):
            found[-1] += char
        else:
            found.append(char)
    return found


def _kinds(letters: list[str]) -> list[str]:
    """Of each letter: `v` vowel, `c` consonant, `w` a syllable of its own, `x` one of two that
    make a syllable, `j` joined to the one before, `.` no letter."""
    bases = [unicodedata.normalize("NFD", letter)[0].lower() for letter in letters]
    kinds: list[str] = []
    for n, base in enumerate(bases):
        script = unicodedata.name(base, "").partition(" ")[0]
        before, following = ["", *bases][n], [*bases, ""][n + 1]
        if base.isdigit():
            kind = "w"
        elif not base.isalpha():
            kind = "j" if base in _JOINED else "."
        elif script in _ALPHABETS:
            glide = (base == "y" and following in _VOWELS) or (base == "u" and before == "q")
            glide |= unicodedata.normalize("NFC", letters[n].lower()) in _GLIDES
            kind = "v" if base in _VOWELS and not glide else "c"
        elif script in _WHOLE:
            kind = "j" if base in _JOINED and n else "w"
        elif script in _INDIC:
            joined = n and any(map(_is_virama, letters[n - 1]))
            kind = "j" if joined else "w"
        else:
            kind = "x"
        kinds.append(kind)
    return kinds


def _is_virama(char: str) -> bool:
    return unicodedata.combining(char) == 9


def _silent(word: str) -> bool:
    """Whether the last `e` of an English word is silent: `name`, `loves`, `walked`, not `table`."""
    return bool(_SILENT.search("".join(char for char in word.lower() if char.isalpha())))


def _cut(letters: list[str], kinds: str, end: int, start: int) -> int:
    """Where a syllable begins, between the `end` of one nucleus and the `start` of the next."""
    between = kinds[end:start]
    if "." in between:
        return end + between.rindex(".") + 1
    if not between.endswith("c"):
        return start
    consonants = "".join(letters[end:start]).lower()
    return start - (2 if _TOGETHER.fullmatch(consonants[-2:]) else 1)
