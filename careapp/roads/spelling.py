"""How addresses are written and mistyped: one spelling for all, and how far two words are apart."""

import re
import unicodedata

HOUSE_NUMBER = re.compile(r"(\d{1,4})([a-z]?)(?:[-/](\d{1,4}[a-z]?))?")
POSTAL_CODE = re.compile(r"\d{5}")

_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "o", "ł": "l"})
_WORD = re.compile(r"[a-z]+|\d+[a-z]?(?![a-z0-9])(?:[-/]\d+[a-z]?(?![a-z0-9]))?|\d+")
_PAIRS = frozenset({"ss", "ae", "oe", "ue"})
_LEAST_FUZZY = 4
_LONG = 8


def words_of(text: str) -> list[str]:
    """Return the words of an address in one spelling; numbers with their letter are one word (`12a`).

    Small letters, no umlauts (ä is ae, ß is ss), no accents, no hyphens; Str. and -str are `strasse`.
    """
    plain = (
        unicodedata.normalize("NFC", text).casefold().translate(_LETTERS).replace("'", "").replace("’", "")
    )
    plain = "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))
    words: list[str] = []
    for word in _WORD.findall(plain):
        if word.isalpha() and len(word) == 1 and words and words[-1].isdecimal() and len(words[-1]) < 5:
            words[-1] += word  # 12 a
        elif word == "str" or (word.endswith("str") and len(word) > 5):
            words.append(f"{word[:-3]}strasse")
        elif word == "st":
            words.append("sankt")
        else:
            words.append(word)
    return words


def key_of(text: str) -> str:
    """Return a name without its spaces, so that `Karl-Marx-Str.` and `Karl Marx Straße` are the same."""
    return "".join(words_of(text))


def numbers_of(text: str) -> list[str]:
    """Return the house numbers that a sign stands for: `12a-14` is `12a-14`, `12a` and `14`."""
    numbers: list[str] = []
    for part in re.split(r"[;,]", text.casefold()):
        packed = re.sub(r"\s+", "", part)
        for number in (packed, *re.split(r"[-/–+]", packed)):
            if number and number[0].isdecimal() and number not in numbers:
                numbers.append(number)
    return numbers


def likeness(asked: str, known: str) -> float:
    """Return how alike two words are, from 0 to 1.

    1 if equal; high for one wrong, missing, doubled or swapped letter (F. J. Damerau, Communications of the
    ACM 7 (1964), p. 171) and for the beginning of a longer word; else by common groups of three letters
    (L. R. Dice, Ecology 26 (1945), p. 297), where words of some length have two mistakes.
    """
    if asked == known:
        return 1.0
    short, long = sorted((len(asked), len(known)))
    if short < _LEAST_FUZZY or asked.isdecimal() or known.isdecimal():
        return 0.0
    if _one_edit(asked, known):
        return 1 - 0.8 / long
    if known.startswith(asked):
        return 0.6 + 0.35 * short / long
    if long - short > 3 or short < _LONG - 2:
        return 0.0
    return 0.95 * _dice(asked, known)


def trigrams(text: str) -> set[str]:
    """Return all groups of three letters that stand together."""
    return {text[start : start + 3] for start in range(len(text) - 2)}


def _one_edit(asked: str, known: str) -> bool:
    """Whether one letter is wrong, missing or too much, or two are swapped; ß and ä count as one."""
    if abs(len(asked) - len(known)) > 2:
        return False
    start, short = 0, min(len(asked), len(known))
    while start < short and asked[start] == known[start]:
        start += 1
    end = 0
    while end < short - start and asked[-1 - end] == known[-1 - end]:
        end += 1
    left, right = asked[start : len(asked) - end], known[start : len(known) - end]
    fewer, more = sorted((left, right), key=len)
    if len(more) <= 1 or (len(fewer) <= 1 and more in _PAIRS):
        return True
    # two neighbours, or a letter and a pair such as ue, in the other order
    return (
        2 <= len(more) <= 3
        and len(fewer) == len(more)
        and more in (fewer[1:] + fewer[:1], fewer[-1:] + fewer[:-1])
    )


def _dice(asked: str, known: str) -> float:
    first, second = trigrams(f"  {asked} "), trigrams(f"  {known} ")
    return 2 * len(first & second) / (len(first) + len(second))
