"""What a token allows: the grammar of SMART App Launch 2.2, the forms of version 1 included.

https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html. A scope never widens a role: whoever
enforces it asks the role as well.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import product

from careapp.errors import Invalid

MOST_CHARACTERS = 400
"""Of one scope."""
MOST_SCOPES = 60
"""Of one token."""

ANY_KIND = "*"

OPENID = "openid"
FHIR_USER = "fhirUser"
PROFILE = "profile"
OFFLINE = "offline_access"
ONLINE = "online_access"
LAUNCH = "launch"
LAUNCH_PATIENT = "launch/patient"
API_READ = "api.read"
"""GET and HEAD below `/api`: our own scope, since SMART speaks of FHIR only."""
API_WRITE = "api.write"
"""Every other method below `/api`."""

PLAIN_SCOPES = frozenset(
    {OPENID, FHIR_USER, PROFILE, OFFLINE, ONLINE, LAUNCH, LAUNCH_PATIENT, API_READ, API_WRITE}
)
"""Scopes that speak of no resource."""


class BadScope(Invalid):
    """A scope is none of the grammar."""


class Context(StrEnum):
    """For whom a scope speaks."""

    PATIENT = "patient"
    """The one patient whom the token is about."""
    USER = "user"
    """Whatever the person who signed in may see."""
    SYSTEM = "system"
    """Whatever the client may see, without a person."""


class Interaction(StrEnum):
    """What is done with a resource, by SMART's letter."""

    CREATE = "c"
    READ = "r"
    """Also a version and the history of one resource."""
    UPDATE = "u"
    """Also a patch."""
    DELETE = "d"
    SEARCH = "s"
    """Also the history of a type or of the system."""


CRUDS = "".join(Interaction)
_OLD_FORMS = {"read": "rs", "write": "cud", "*": CRUDS}
# RFC 6749 leaves out the quotation mark and the backslash; the parts cannot overlap, so it takes linear time.
_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_SCOPE = re.compile(
    r"(?P<context>patient|user|system)/(?P<kind>\*|[A-Z][A-Za-z]{1,63})"
    r"\.(?P<actions>read|write|\*|[cruds]{1,5})(?:\?(?P<query>.+))?"
)


@dataclass(frozen=True)
class Scope:
    """What may be done with one kind of resource, or with all.

    Attributes:
        context: For whom.
        kind: Type of resource, or `*`.
        interactions: What may be done.
        query: Search parameters that a resource must meet as well; None: every resource.
    """

    context: Context
    kind: str
    interactions: frozenset[Interaction]
    query: str | None = None

    def __str__(self) -> str:
        letters = "".join(letter for letter in CRUDS if letter in self.interactions)
        return f"{self.context.value}/{self.kind}.{letters}" + (f"?{self.query}" if self.query else "")

    def allows(self, kind: str, interaction: Interaction) -> bool:
        """Tell whether this scope speaks of an interaction with a kind of resource."""
        return interaction in self.interactions and self.kind in (ANY_KIND, kind)

    def meet(self, other: "Scope") -> "Scope | None":
        """Return what both scopes allow; None if that is nothing."""
        if self.context is not other.context or ANY_KIND not in (self.kind, other.kind, self._same(other)):
            return None
        interactions = self.interactions & other.interactions
        if not interactions:
            return None
        queries = dict.fromkeys(filter(None, (self.query, other.query)))
        kind = other.kind if self.kind == ANY_KIND else self.kind
        return Scope(self.context, kind, interactions, "&".join(queries) or None)

    def _same(self, other: "Scope") -> str:
        return ANY_KIND if self.kind == other.kind else ""


@dataclass(frozen=True)
class Limit:
    """Which resources one scope opens.

    Attributes:
        query: Search parameters that a resource meets; None: any.
        of_patient: Only what is about the token's patient (`Viewer.patient_id`).
    """

    query: str | None
    of_patient: bool


@dataclass(frozen=True)
class ScopeAnswer:
    """What all scopes together say of an interaction.

    Attributes:
        allowed: At least one scope allows it.
        limits: A resource must meet at least one of them; none: it need not.
    """

    allowed: bool
    limits: tuple[Limit, ...] = ()

    @property
    def queries(self) -> tuple[str, ...]:
        """The search parameters of the limits: a resource must meet one of them; none: it need not."""
        if any(limit.query is None for limit in self.limits):
            return ()
        return tuple(dict.fromkeys(limit.query for limit in self.limits if limit.query is not None))

    @property
    def of_patient(self) -> bool:
        """Tell whether all that is allowed is about the token's one patient."""
        return bool(self.limits) and all(limit.of_patient for limit in self.limits)


@dataclass(frozen=True)
class Scopes:
    """All scopes of a token.

    Attributes:
        clinical: Those that speak of resources.
        plain: The others, such as `openid`.
    """

    clinical: tuple[Scope, ...]
    plain: frozenset[str]

    @classmethod
    def of(cls, written: Iterable[str]) -> "Scopes":
        """Read scopes; what is none of the grammar allows nothing."""
        return _read(frozenset(written))

    def allow(
        self,
        kind: str,
        interaction: Interaction | str,
        contexts: Iterable[Context | str] = tuple(Context),
    ) -> ScopeAnswer:
        """Say whether an interaction with a kind of resource is allowed, and with which resources.

        Args:
            kind: Type of the resource.
            interaction: One of SMART's letters.
            contexts: Only scopes that speak for these count.
        """
        asked, speakers = Interaction(interaction), frozenset(map(Context, contexts))
        fitting = [
            scope for scope in self.clinical if scope.context in speakers and scope.allows(kind, asked)
        ]
        limits = tuple(
            dict.fromkeys(Limit(scope.query, scope.context is Context.PATIENT) for scope in fitting)
        )
        if Limit(None, of_patient=False) in limits:
            limits = ()
        return ScopeAnswer(bool(fitting), limits)

    def allow_api(self, method: str) -> bool:
        """Say whether a request below `/api` is allowed."""
        return (API_READ if method in {"GET", "HEAD"} else API_WRITE) in self.plain


@lru_cache(maxsize=512)
def _read(written: frozenset[str]) -> Scopes:
    clinical: list[Scope] = []
    for each in sorted(written):
        try:
            clinical.append(parse(each))
        except BadScope:
            continue
    return Scopes(tuple(clinical), written & PLAIN_SCOPES)


def parse(written: str) -> Scope:
    """Read one scope that speaks of resources, like `user/Slot.rs?status=free` or `user/Slot.read`.

    Raises:
        BadScope: It is none.
    """
    found = None
    if len(written) <= MOST_CHARACTERS and _TOKEN.fullmatch(written):
        found = _SCOPE.fullmatch(written)
    if found is None:
        raise BadScope("a scope reads like user/Slot.rs, patient/*.r or system/Appointment.cruds")
    letters = _OLD_FORMS.get(found["actions"], found["actions"])
    ordered = [letter for letter in CRUDS if letter in letters]
    if "".join(ordered) != letters:
        raise BadScope("the letters of a scope are some of c, r, u, d, s, in this order, each once")
    return Scope(
        Context(found["context"]), found["kind"], frozenset(map(Interaction, ordered)), found["query"]
    )


def split(scope: str | None) -> frozenset[str]:
    """Split OAuth's `scope`, scopes with blanks between.

    Raises:
        BadScope: There are too many.
    """
    written = frozenset((scope or "").split())
    if len(written) > MOST_SCOPES:
        raise BadScope(f"ask for at most {MOST_SCOPES} scopes")
    return written


def narrowed(asked: Iterable[str], allowed: Iterable[str]) -> frozenset[str]:
    """Return what of the scopes that are asked for lies within those that are allowed.

    A scope that is allowed in part is narrowed: of `user/*.cruds`, `user/Slot.rs` is left if no more is
    allowed.
    """
    wished, granted = Scopes.of(asked), Scopes.of(allowed)
    kept = set(wished.plain & granted.plain)
    spelling = {parse(each): each for each in asked if _is_clinical(each)}
    for wish, grant in product(wished.clinical, granted.clinical):
        met = wish.meet(grant)
        if met is not None:
            kept.add(spelling.get(met, str(met)))  # a client finds again what it wrote, `.read` too
    return frozenset(kept)


def _is_clinical(written: str) -> bool:
    try:
        parse(written)
    except BadScope:
        return False
    return True
