"""Search parameters of type string: from the beginning, whatever the case and the accents.

https://hl7.org/fhir/R4/search.html#string
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, false, func, or_, select

from careapp.access import Viewer
from careapp.sealing.fields import Identity
from careapp.sealing.lookups import opened_where
from fhir.search.parameter import Context, refuse, unescape
from fhir.search.sealed_text import SealedText

Text = SQLColumnExpression[Any]

MOST_LETTERS = 1000
LAST_LETTER = 0x24F
"""End of the block Latin Extended-B: the letters of Europe's Latin alphabets."""


@dataclass(frozen=True, eq=False)
class String:
    """A text: `:exact` compares all of it letter by letter, `:contains` finds any part.

    Attributes:
        columns: Texts of the row; one match is enough.
        definition: Canonical address of the SearchParameter.
        words: Columns that hold several texts with blanks between (given names): each may match.
        path: The way from the searched row to the columns' table, if it is another one.
        sealed: Texts of the same table that the database cannot read.
    """

    columns: tuple[Text, ...]
    definition: str
    words: tuple[Text, ...] = ()
    path: tuple[ColumnElement[bool], ...] = ()
    sealed: tuple[SealedText, ...] = ()

    type = "string"
    modifiers = frozenset({"exact", "contains"})

    @property
    def sort(self) -> Text | None:
        """The first of the texts, letter by letter as the database orders them; none of another table."""
        if self.path:
            return None
        return next(iter((*self.columns, *self.words, *(each.model.sealed for each in self.sealed))), None)

    def condition(
        self, name: str, values: Sequence[str], modifier: str | None, context: Context
    ) -> ColumnElement[bool]:
        """Both databases read the patterns alike; SQLite gets them matched by `re` from its driver.

        All values stand in one pattern: a database refuses expressions that are nested too deeply.
        """
        texts = [unescape(value) for value in values]
        refuse_long(name, texts)
        ways: list[ColumnElement[bool]] = [
            func.coalesce(_matches(column, texts, modifier, is_word=is_word), false())
            for columns, is_word in ((self.columns, False), (self.words, True))
            for column in columns
        ]
        if self.sealed:
            ways.append(self._opened(texts, modifier, context.viewer))
        return self._there(or_(*ways)) if ways else false()

    def present(self) -> ColumnElement[bool]:
        """SQL: any of the texts is there."""
        ways: list[ColumnElement[bool]] = [column.is_not(None) for column in (*self.columns, *self.words)]
        if self.sealed:
            ways.append(
                opened_where(
                    self.sealed[0].model,
                    None,
                    lambda identity: any(each.read(identity) is not None for each in self.sealed),
                )
            )
        return self._there(or_(*ways)) if ways else false()

    def _opened(self, texts: Sequence[str], modifier: str | None, viewer: Viewer) -> ColumnElement[bool]:
        fits = [(each.read, fitting(texts, modifier, is_word=each.is_word)) for each in self.sealed]

        def is_meant(identity: Identity) -> bool:
            return any((text := read(identity)) is not None and is_it(text) for read, is_it in fits)

        return opened_where(self.sealed[0].model, viewer, is_meant)

    def _there(self, condition: ColumnElement[bool]) -> ColumnElement[bool]:
        return select(1).where(*self.path, condition).exists() if self.path else condition


def refuse_long(name: str, texts: Sequence[str]) -> None:
    """Refuse what would become too large a pattern.

    Raises:
        InvalidSearch: The texts have too many letters together.
    """
    if sum(map(len, texts)) > MOST_LETTERS:
        raise refuse(name, texts[0], f"give at most {MOST_LETTERS} letters")


def _matches(
    column: Text, texts: Sequence[str], modifier: str | None, *, is_word: bool
) -> ColumnElement[bool]:
    if modifier == "exact":
        if not is_word:
            return column.in_(texts)
        return column.regexp_match(f"(^|[ ])({'|'.join(map(_literal, texts))})($|[ ])")
    if modifier == "contains":
        return contains(column, texts)
    return column.regexp_match(("(^|[ ])" if is_word else "^") + _any_of(texts))


def fitting(texts: Sequence[str], modifier: str | None, *, is_word: bool = False) -> Callable[[str], bool]:
    """Return what judges an opened text as the database judges a column."""
    if modifier == "exact" and not is_word:
        return frozenset(texts).__contains__
    if modifier == "exact":
        pattern = f"(^|[ ])({'|'.join(map(_literal, texts))})(\\Z|[ ])"
    elif modifier == "contains":
        pattern = _any_of(texts)
    else:
        pattern = ("(^|[ ])" if is_word else "^") + _any_of(texts)
    found = re.compile(pattern)
    return lambda text: found.search(text) is not None


def contains(column: Text, texts: Sequence[str]) -> ColumnElement[bool]:
    """SQL: a text has one of these in it, whatever the case and the accents."""
    return column.regexp_match(_any_of(texts))


def _any_of(texts: Sequence[str]) -> str:
    return f"({'|'.join(map(any_spelling, texts))})"


def any_spelling(text: str) -> str:
    """Write a regular expression for a text in any case, with or without accents; ß is ss."""
    folded = fold(text).replace("ß", "ss")
    # Before single letters, since one ß stands for two of them.
    pieces = re.split(r"(ss)", folded)
    return "".join("(ß|ẞ|[sS][sS])" if piece == "ss" else "".join(map(_any_case, piece)) for piece in pieces)


def fold(text: str) -> str:
    """Take case and accents from a text; ligatures, ø and ł are letters of their own and stay."""
    decomposed = unicodedata.normalize("NFKD", text.lower())
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))


@lru_cache(maxsize=4096)
def _any_case(letter: str) -> str:
    spellings = _spellings().get(letter)
    if spellings is None:
        upper = letter.upper()
        spellings = letter + upper if len(upper) == 1 and upper != letter and letter.isalpha() else letter
    return f"[{spellings}]" if len(spellings) > 1 else _literal(letter)


@cache
def _spellings() -> dict[str, str]:
    found: dict[str, str] = {}
    for code in range(ord("A"), LAST_LETTER + 1):
        letter = chr(code)
        base = fold(letter)
        if letter.isalpha() and len(base) == 1:
            found[base] = found.get(base, "") + letter
    return found


def _literal(text: str) -> str:
    """Escape what both databases' regular expressions treat as special."""
    return "".join(f"\\{letter}" if letter in r".^$*+?()[]{}|\-" else letter for letter in text)
