"""Texts of rows that stand in a sealed column, as parameters and orders name them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from careapp.sealing.fields import Identity


@dataclass(frozen=True, eq=False)
class SealedText:
    """One text of a row with a sealed column.

    Attributes:
        model: The row's table.
        read: Takes it from the opened fields; None if there is none.
        is_word: It holds several texts with blanks between (given names): each may match.
    """

    model: type[Any]
    read: Callable[[Identity], str | None]
    is_word: bool = False


def field(model: type[Any], name: str, *, is_word: bool = False) -> SealedText:
    """Name a sealed field that is a text by itself."""
    return SealedText(model, lambda identity: identity.get(name), is_word)


def sealed_of(parameter: Any) -> SealedText | None:
    """Return the sealed text by which a parameter sorts; None if it sorts by a column alone."""
    beside = getattr(parameter, "beside", None)
    own = getattr(parameter, "sealed", ())
    return own[0] if own else sealed_of(beside) if beside is not None else None
