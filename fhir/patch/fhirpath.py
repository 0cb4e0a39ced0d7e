"""The part of FHIRPath that leads to elements of a resource, for patches.

http://hl7.org/fhirpath/N1: names, choices by their base name, indexes, `where` with comparisons, `first`,
`last`, `single`, `extension`, `ofType`, and the tests that stand in a `where`. Anything else is refused, not
guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from careapp.errors import Invalid
from fhir.patch.nodes import Node, children

LONGEST = 1000
MOST_DEPTH = 20

TOKEN = re.compile(
    r"""\s*(?:
        '(?P<string>(?:[^'\\]|\\.)*)'
      | @(?P<date>[0-9T:.+Z-]+)
      | (?P<number>[0-9]+(?:\.[0-9]+)?)
      | (?P<name>\$this|[A-Za-z_][A-Za-z0-9_]*)
      | `(?P<quoted>[^`]+)`
      | (?P<sign><=|>=|!=|!~|[.()\[\]=~<>,])
    )""",
    re.VERBOSE,
)
ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
ESCAPED: Mapping[str, str] = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}


class UnreadablePath(Invalid):
    """This is no FHIRPath, or more of it than is understood here."""


@dataclass(frozen=True)
class Step:
    """One step of a way.

    Attributes:
        name: Of an element or a function; None for an index.
        is_call: It is a function.
        arguments: Of the function; for an index its number.
    """

    name: str | None
    is_call: bool = False
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Path:
    """A way from an element to others."""

    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Literal:
    """A value that the expression names."""

    value: Any


@dataclass(frozen=True)
class Binary:
    """Two expressions and what is asked of them."""

    sign: str
    left: Expression
    right: Expression


Expression = Path | Literal | Binary


def read_path(text: str) -> Path:
    """Understand a path, e.g. `Patient.name.where(use = 'official').given[0]`.

    Raises:
        UnreadablePath: It is none, or more of FHIRPath than is understood here.
    """
    if len(text) > LONGEST:
        raise UnreadablePath(f"the path is too long: at most {LONGEST} letters are read")
    parser = _Parser(list(_tokens(text)))
    found = parser.expression(0)
    if not isinstance(found, Path) or not parser.is_at_end:
        raise UnreadablePath(
            "the path does not lead to elements: write names, indexes and filters after dots"
        )
    return found


def find(path: Path, root: Node) -> list[Node]:
    """Return the elements that a path leads to, from the resource."""
    first = path.steps[0]
    steps = path.steps
    if not first.is_call and first.name in {root.shape.name, "Resource", "DomainResource"}:
        steps = steps[1:]
    return [each for each in _walk(steps, [root], root) if isinstance(each, Node)]


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise UnreadablePath(f"the path cannot be read from its letter {at + 1} on")
        yield found.lastgroup, found[found.lastgroup]
        at = found.end()


class _Parser:
    """Reads expressions; each method takes the depth, so that nothing nests beyond reason."""

    def __init__(self, tokens: Sequence[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def is_at_end(self) -> bool:
        return self._at == len(self._tokens)

    def _takes(self, *signs: str) -> str | None:
        """Take the next token if it is one of these."""
        if not self.is_at_end:
            kind, text = self._tokens[self._at]
            if kind in {"sign", "name"} and text in signs:
                self._at += 1
                return text
        return None

    def _needs(self, sign: str) -> None:
        if not self._takes(sign):
            raise UnreadablePath(f"the path lacks a {sign}")

    def expression(self, depth: int) -> Expression:
        if depth > MOST_DEPTH:
            raise UnreadablePath(f"the path nests too deeply: at most {MOST_DEPTH} levels are read")
        return self._joined(depth, LEVELS)

    def _joined(self, depth: int, levels: Sequence[tuple[str, ...]]) -> Expression:
        if not levels:
            return self._term(depth)
        found = self._joined(depth, levels[1:])
        while sign := self._takes(*levels[0]):
            found = Binary(sign, found, self._joined(depth, levels[1:]))
        return found

    def _term(self, depth: int) -> Expression:
        if self._takes("("):
            inner = self.expression(depth + 1)
            self._needs(")")
            return inner
        if self.is_at_end:
            raise UnreadablePath("the path ends too early")
        kind, text = self._tokens[self._at]
        if kind in LITERALS:
            self._at += 1
            return Literal(LITERALS[kind](text))
        if kind == "name" and text in {"true", "false"}:
            self._at += 1
            return Literal(text == "true")
        return self._path(depth)

    def _path(self, depth: int) -> Path:
        steps = [self._step(depth)]
        while True:
            if self._takes("."):
                steps.append(self._step(depth))
            elif self._takes("["):
                steps.append(Step(None, arguments=(self._number(),)))
                self._needs("]")
            else:
                return Path(tuple(steps))

    def _step(self, depth: int) -> Step:
        if self.is_at_end or self._tokens[self._at][0] not in {"name", "quoted"}:
            raise UnreadablePath("the path lacks a name")
        kind, name = self._tokens[self._at]
        self._at += 1
        if kind == "quoted" or not self._takes("("):
            return Step(name)
        arguments = []
        if not self._takes(")"):
            arguments.append(self.expression(depth + 1))
            self._needs(")")
        if name not in FUNCTIONS or len(arguments) not in FUNCTIONS[name]:
            raise UnreadablePath(
                f"the path calls a function that is not understood here: there are {', '.join(FUNCTIONS)}"
            )
        return Step(name, is_call=True, arguments=tuple(arguments))

    def _number(self) -> int:
        if self.is_at_end or self._tokens[self._at][0] != "number" or "." in self._tokens[self._at][1]:
            raise UnreadablePath("an index is a whole number, from 0")
        self._at += 1
        text = self._tokens[self._at - 1][1]
        return int(text) if len(text) < 10 else 10**10


def _text(written: str) -> str:
    def letter(found: re.Match[str]) -> str:
        code = found[1]
        return chr(int(code[1:], 16)) if len(code) > 1 else ESCAPED.get(code, code)

    return ESCAPE.sub(letter, written)


LITERALS: Mapping[str, Callable[[str], Any]] = {
    "string": _text,
    "date": lambda text: text.removeprefix("T"),
    "number": float,
}
LEVELS = (("or", "xor"), ("and",), ("=", "!=", "~", "!~", "<", ">", "<=", ">="))
"""What joins expressions, from the loosest to the closest."""

FUNCTIONS: Mapping[str, frozenset[int]] = {
    "where": frozenset({1}),
    "exists": frozenset({0, 1}),
    "empty": frozenset({0}),
    "not": frozenset({0}),
    "first": frozenset({0}),
    "last": frozenset({0}),
    "single": frozenset({0}),
    "extension": frozenset({1}),
    "ofType": frozenset({1}),
    "startsWith": frozenset({1}),
    "endsWith": frozenset({1}),
    "contains": frozenset({1}),
    "count": frozenset({0}),
}
"""Names and how many arguments each takes."""


def _walk(steps: Sequence[Step], found: list[Any], root: Node) -> list[Any]:
    for step in steps:
        if step.name is None:
            index = step.arguments[0]
            found = found[index : index + 1]
        elif step.is_call:
            found = _call(step, found, root)
        elif step.name != "$this":
            found = [child for each in found if isinstance(each, Node) for child in children(each, step.name)]
    return found


def _evaluate(expression: Expression, this: Any, root: Node) -> list[Any]:
    if isinstance(expression, Literal):
        return [expression.value]
    if isinstance(expression, Path):
        return _walk(expression.steps, [this], root)
    left = _evaluate(expression.left, this, root)
    right = _evaluate(expression.right, this, root)
    if expression.sign in {"and", "or", "xor"}:
        one, other = _is_true(left), _is_true(right)
        return [{"and": one and other, "or": one or other, "xor": one != other}[expression.sign]]
    if not left or not right:
        return []
    return [_compare(expression.sign, [_value(each) for each in left], [_value(each) for each in right])]


def _compare(sign: str, left: list[Any], right: list[Any]) -> bool:
    if sign in {"=", "~"}:
        return left == right
    if sign in {"!=", "!~"}:
        return left != right
    (one, *more), (other, *others) = left, right
    is_comparable = any(isinstance(one, each) and isinstance(other, each) for each in (str, int | float))
    if more or others or not is_comparable:
        return False
    return bool({"<": one < other, ">": one > other, "<=": one <= other, ">=": one >= other}[sign])


def _value(item: Any) -> Any:
    return item.value if isinstance(item, Node) else item


def _is_true(found: list[Any]) -> bool:
    """FHIRPath's singleton rule: a single element that is no boolean counts as true."""
    return len(found) == 1 and _value(found[0]) is not False


def _call(step: Step, found: list[Any], root: Node) -> list[Any]:
    name, argument = step.name, step.arguments[0] if step.arguments else Literal(True)  # noqa: FBT003 -- FHIRPath's
    match name:
        case "where":
            return [each for each in found if _is_true(_evaluate(argument, each, root))]
        case "exists":
            return [any(_is_true(_evaluate(argument, each, root)) for each in found)]
        case "empty":
            return [not found]
        case "not":
            return [not _is_true(found)] if found else []
        case "first":
            return found[:1]
        case "last":
            return found[-1:]
        case "single":
            return found if len(found) == 1 else []
        case "count":
            return [float(len(found))]
        case "extension":
            wanted = _evaluate(argument, root, root)
            each = _walk([Step("extension")], found, root)
            return [extension for extension in each if extension.inside.get("url") in wanted]
        case "ofType":
            return [each for each in found if isinstance(each, Node) and _is_of(each, argument)]
    return _text_test(str(name), found, _evaluate(argument, root, root))


def _is_of(node: Node, argument: Expression) -> bool:
    if not isinstance(argument, Path) or node.element is None:
        return False
    wanted = str(argument.steps[-1].name)
    if node.element.choice is not None:
        suffix = node.element.name.removeprefix(node.element.choice)
        return suffix == wanted[:1].upper() + wanted[1:]
    return node.shape.name == wanted


def _text_test(name: str, found: list[Any], wanted: list[Any]) -> list[Any]:
    texts = [_value(each) for each in found]
    sought = [_value(each) for each in wanted]
    if len(texts) != 1 or len(sought) != 1 or not all(isinstance(each, str) for each in (*texts, *sought)):
        return []
    text, part = texts[0], sought[0]
    return [
        {
            "startsWith": text.startswith(part),
            "endsWith": text.endswith(part),
            "contains": part in text,
        }[name]
    ]
