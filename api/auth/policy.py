"""What a route asks of whoever uses it: each route carries exactly one policy."""

from dataclasses import dataclass

from fastapi import Depends, Request
from fastapi.params import Depends as DependsParam

from api.auth.viewers import SignedIn
from careapp.access import ViewerRole
from careapp.errors import Forbidden
from fhir.access import scopes_of

FHIR = "/fhir"

PLANNING = (ViewerRole.COORDINATOR, ViewerRole.ADMINISTRATOR, ViewerRole.CLIENT)
"""Who changes what a care service has; other systems as far as their scopes go."""

OVERSEEING = (*PLANNING, ViewerRole.SUPPORT)
"""Who sees all of a care service's patients, tours and visits."""

CARING = (*OVERSEEING, ViewerRole.NURSE)
"""Who sees visits and tours; a nurse her own."""

TREATING = (*CARING, ViewerRole.DOCTOR)
"""Who sees patients; a nurse those of her tours, a doctor those booked with him."""

PRACTISING = (*PLANNING, ViewerRole.DOCTOR)
"""Who changes bookings; a doctor his own."""

READING = (*TREATING, ViewerRole.AUDITOR)
"""Who reads through FHIR at all; which kinds of resources, `fhir.access` says."""

WRITING = (*PRACTISING, ViewerRole.NURSE)
"""Who writes through FHIR at all; which kinds of resources, `fhir.access` says."""

EVERYBODY = tuple(role for role in ViewerRole if role is not ViewerRole.SYSTEM)
"""Whoever can sign in."""


class RoleMayNot(Forbidden):
    """The viewer's role does not allow what was asked."""


class ScopesDoNotAllow(Forbidden):
    """The token does not speak of what was asked."""


@dataclass(frozen=True)
class Policy:
    """Who may use a route.

    Attributes:
        roles: Any of them; ourselves (`SYSTEM`) always.
    """

    roles: frozenset[ViewerRole]

    async def __call__(self, viewer: SignedIn, request: Request) -> None:
        """Let a viewer pass.

        Raises:
            RoleMayNot: The role is none of these.
            ScopesDoNotAllow: The token does not speak of what lies below `/api`.
        """
        if viewer.role is ViewerRole.SYSTEM:
            return
        if viewer.role not in self.roles:
            raise RoleMayNot(f"a {viewer.role.value} may not do this: ask {self._named()}")
        if request.url.path.startswith(FHIR):  # there each resource is asked for by itself, in `fhir.access`
            return
        scopes = scopes_of(viewer)
        if scopes is not None and not scopes.allow_api(request.method):
            raise ScopesDoNotAllow(
                "the token allows nothing here: ask for api.read, to change things api.write"
            )

    def _named(self) -> str:
        named = " or ".join(sorted(role.value for role in self.roles))
        return f"a {named}" if named else "whoever runs the service"


@dataclass(frozen=True)
class OpenPolicy:
    """Everybody may use a route, signed in or not.

    Attributes:
        why: Why that harms nobody.
    """

    why: str

    async def __call__(self) -> None:
        """Let everybody pass."""


def may(*roles: ViewerRole) -> DependsParam:
    """Return the policy of a route for these roles, for its `dependencies`."""
    policy: DependsParam = Depends(Policy(frozenset(roles)))
    return policy


def anybody(why: str) -> DependsParam:
    """Return the policy of a route that needs no sign-in."""
    policy: DependsParam = Depends(OpenPolicy(why))
    return policy
