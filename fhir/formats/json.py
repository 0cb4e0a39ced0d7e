"""Resources as JSON: read strictly, since what is read twice in two ways can be used against us.

https://hl7.org/fhir/R4/json.html. Refused beside what is no JSON: a name that stands twice in an object,
nesting beyond reason, characters that no FHIR string may hold.
"""

import json
import re
from collections.abc import Iterator
from math import isfinite
from typing import Any, Self

import orjson

from fhir.issues import Issue, Malformed
from fhir.mapping.elements import Json

MOST_DEPTH = 100
"""Elements within elements; a path of FHIR's own resources has less than 20."""

KIND = re.compile("[A-Z][A-Za-z]{1,40}")
NAME = re.compile("_?[A-Za-z][A-Za-z0-9]{0,60}")

MOST_VALUES = 4_000_000
"""Each needs about a hundred bytes of memory, so that fifty megabytes of brackets would need gigabytes."""

STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
NEEDS_DIGITS = re.compile(rb"[0-9][.eE]|[0-9]{19}")
MAY_BE_UNWRITABLE = re.compile(rb"\\[bf]|\\u00[01]|\\u[fF]{3}[eEfF]|\xef\xbf[\xbe\xbf]")
UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""https://hl7.org/fhir/R4/datatypes.html#string; XML 1.0 cannot hold them either."""


class Number(float):
    """A decimal that was not written in Python's way, e.g. `1.10`: FHIR keeps the digits as they came.

    Attributes:
        text: As it was written.
    """

    text: str

    def __new__(cls, text: str) -> Self:
        """Read it."""
        self = super().__new__(cls, text)
        self.text = text
        return self

    def __getnewargs__(self) -> tuple[str]:  # type: ignore[override]  # float's own has a float there
        """Let it be copied."""
        return (self.text,)


def number(text: str) -> float:
    """Return a decimal that is written again with the digits it has.

    Raises:
        ValueError: It is no number, or too large for one.
    """
    value = float(text)
    if not isfinite(value):
        raise ValueError(text)
    return value if repr(value) == text else Number(text)


def _whole_number(text: str) -> float:
    """Return an integer, or a decimal if a database or orjson could not hold it."""
    return int(text) if len(text) < 19 else number(text)


def write_json(document: object, *, is_pretty: bool = False) -> bytes:
    """Write what was read here, or any resource, with every digit it had."""
    return orjson.dumps(document, _exactly, orjson.OPT_INDENT_2 if is_pretty else None)


def _exactly(value: object) -> orjson.Fragment:
    if isinstance(value, Number):
        return orjson.Fragment(value.text)
    raise TypeError


def read_json(body: bytes) -> Json:
    """Read a resource, decimals with all their digits.

    Raises:
        Malformed: It is no JSON, or no resource; the issue names the place.
    """
    document = read_any(body)
    if not isinstance(document, dict):
        raise malformed("the body is no resource: send a JSON object with a resourceType")
    kind = document.get("resourceType")
    if not isinstance(kind, str) or not kind:
        raise malformed("the body is no resource: say what it is in resourceType", "resourceType", "required")
    return document


def load_json(content: bytes) -> Json:
    """Read a resource that was stored here, decimals with all their digits; nothing is checked."""
    document: Json = json.loads(content, parse_float=number, parse_int=_whole_number)
    return document


def read_any(body: bytes) -> object:
    """Read JSON that may be no resource, decimals with all their digits.

    Raises:
        Malformed: It is no JSON; the issue names the place.
    """
    bare = STRING.sub(b"", body)
    if sum(bare.count(sign) for sign in (b"{", b"[", b",")) > MOST_VALUES:
        raise malformed(
            f"the body holds more than {MOST_VALUES} values: send less at once", None, "too-costly"
        )
    try:
        rough = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise malformed(
            f"the body is not JSON in UTF-8: see line {error.lineno}, column {error.colno}"
        ) from None
    names = require_shallow(rough)
    document: object = rough
    if bare.count(b":") != names or NEEDS_DIGITS.search(bare):  # what orjson does not tell
        document = json.loads(body, object_pairs_hook=_only_once, parse_float=number, parse_int=_whole_number)
    require_writable(body, document)
    return document


def malformed(sentence: str, place: str | None = None, code: str = "structure") -> Malformed:
    """Make the error that says what is wrong with a body."""
    return Malformed([Issue(code, sentence, place, "fatal")])


def require_shallow(document: object) -> int:
    """Refuse what would exhaust whoever walks through it.

    Returns:
        How many named elements there are, on all levels.

    Raises:
        Malformed: It is nested too deeply.
    """
    names, level = 0, [document] if isinstance(document, dict | list) else []
    for _ in range(MOST_DEPTH):
        if not level:
            return names
        names += sum(len(each) for each in level if type(each) is dict)
        level = [
            child
            for each in level
            for child in (each.values() if type(each) is dict else each)
            if type(child) is dict or type(child) is list
        ]
    if level:
        raise malformed(
            f"the body is nested too deeply: at most {MOST_DEPTH} levels are read", None, "too-costly"
        )
    return names


def require_writable(body: bytes, document: object) -> None:
    """Refuse characters that no FHIR string may hold.

    Args:
        body: As it came, JSON.
        document: What was read from it.

    Raises:
        Malformed: It names the first such element.
    """
    if (b"\\" not in body and b"\xef\xbf" not in body) or not MAY_BE_UNWRITABLE.search(body):
        return
    for place, text in _texts(document, root_of(document)):
        if UNWRITABLE.search(text):
            raise malformed("it holds control characters, which no text in FHIR may", place, "value")


def root_of(document: object) -> str:
    """Return where FHIRPaths into a document begin: its kind, if it names a possible one."""
    kind = document.get("resourceType") if isinstance(document, dict) else None
    return kind if isinstance(kind, str) and KIND.fullmatch(kind) else "Resource"


def _texts(element: object, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(element, str):
        yield place, element
    elif isinstance(element, list):
        for number, each in enumerate(element):
            yield from _texts(each, f"{place}[{number}]")
    elif isinstance(element, dict):
        for name, each in element.items():
            # A name may be anything that the sender made up.
            here = f"{place}.{name}" if NAME.fullmatch(name) else place
            if UNWRITABLE.search(name):
                yield place, name
            yield from _texts(each, here)


def _only_once(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise malformed("an object has the same name twice: write each element once", root_of(found))
    return found
