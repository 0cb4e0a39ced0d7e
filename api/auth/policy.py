"""What a route asks of whoever uses it: each route carries exactly one policy."""

from dataclasses import dataclass

from fastapi import Depends
from fastapi.params import Depends as DependsParam

from api.auth.viewers import SignedIn
from careapp.access import ViewerRole
from careapp.errors import Forbidden


class RoleMayNot(Forbidden):
    """The viewer's role does not allow what was asked."""


@dataclass(frozen=True)
class Policy:
    """Who may use a route.

    Attributes:
        roles: Any of them; ourselves (`SYSTEM`) always.
    """

    roles: frozenset[ViewerRole]

    def __call__(self, viewer: SignedIn) -> None:
        """Let a viewer pass.

        Raises:
            RoleMayNot: The role is none of these.
        """
        if viewer.role is not ViewerRole.SYSTEM and viewer.role not in self.roles:
            raise RoleMayNot(f"a {viewer.role.value} may not do this: ask a {self._named()}")

    def _named(self) -> str:
        return " or ".join(sorted(role.value for role in self.roles)) or "nobody"


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
