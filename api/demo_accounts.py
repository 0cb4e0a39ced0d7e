"""Sign-ins of the demo: one for each role, with random passwords that lie beside the demo's database.

The file is only its owner's to read, and an account of the demo is refused wherever other machines can reach
the service.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from uuid import UUID

from rich.console import Console
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from careapp.access import OPERATOR, ViewerRole
from careapp.consultations.models import Schedule
from careapp.errors import Unavailable
from careapp.identity.accounts import NewAccount, add_account, find_account, set_password
from careapp.identity.passwords import Passwords, invent_password
from careapp.people.models import Role, RoleKind
from careapp.tours.models import Tour

FILE = "demo-sign-ins.json"
ROLES = (
    ViewerRole.COORDINATOR,
    ViewerRole.NURSE,
    ViewerRole.DOCTOR,
    ViewerRole.ADMINISTRATOR,
    ViewerRole.ANALYST,
    ViewerRole.AUDITOR,
    ViewerRole.SUPPORT,
)
_OWNER_ONLY = 0o600


class DemoFileUnusable(Unavailable):
    """The file with the demo's passwords cannot be written or understood."""


@dataclass(frozen=True)
class DemoSignIn:
    """One of the demo's sign-ins.

    Attributes:
        role: What the invented person is.
        login: Their user name.
        password: Random, made once.
    """

    role: ViewerRole
    login: str
    password: str


def make_sign_ins(
    sessions: sessionmaker[Session], folder: Path, *, day: date, now: datetime
) -> list[DemoSignIn]:
    """Make the sign-ins that are not there yet, and return all.

    Args:
        sessions: Factory of writing sessions of the demo's own database, with its region.
        folder: Where the passwords are kept.
        day: A planned day: the nurse is one who has a tour then.
        now: This moment.

    Raises:
        DemoFileUnusable: The file is damaged, or the folder cannot be written.
    """
    passwords = _passwords(folder / FILE)
    hasher = Passwords()
    with sessions.begin() as session:
        belongings = _belongings(session, day)
        for role in ROLES:
            login = _login(role)
            known = find_account(session, login)
            if known is None:
                organisation_id, practitioner_id = belongings[role]
                new = NewAccount(
                    login,
                    role,
                    hasher.hash(passwords[login]),
                    organisation_id=organisation_id,
                    practitioner_id=practitioner_id,
                    is_demo=True,
                )
                add_account(session, new, viewer=OPERATOR, now=now)
            elif not hasher.compare(passwords[login], known.password_hash).is_right:
                # The file was lost, or the password changed: what is printed must work.
                chosen = hasher.hash(passwords[login])
                set_password(session, known, password_hash=chosen, viewer=OPERATOR, now=now)
    return [DemoSignIn(role, _login(role), passwords[_login(role)]) for role in ROLES]


def print_sign_ins(sign_ins: list[DemoSignIn], console: Console) -> None:
    """Print who may sign in, and with what."""
    console.print(
        "Sign in as one of these invented people (on this machine only):", highlight=False, soft_wrap=True
    )
    for each in sign_ins:
        console.print(
            f"  {each.role.value:<14}{each.login:<20}{each.password}", highlight=False, soft_wrap=True
        )


def _belongings(session: Session, day: date) -> Mapping[ViewerRole, tuple[UUID | None, UUID | None]]:
    """Return each role's organisation and practitioner: of the service with most tours, and of a practice."""
    busiest = session.execute(
        select(Tour.organisation_id, func.min(Tour.practitioner_id))
        .where(Tour.date == day)
        .group_by(Tour.organisation_id)
        .order_by(func.count().desc(), Tour.organisation_id)
        .limit(1)
    ).one()
    service_id, nurse_id = busiest
    doctor = session.execute(
        select(Role.organisation_id, Role.practitioner_id)
        .join(Schedule, Schedule.role_id == Role.id)
        .where(Role.kind == RoleKind.DOCTOR)
        .order_by(Role.id)
        .limit(1)
    ).one()
    return dict.fromkeys(ROLES, (service_id, None)) | {
        ViewerRole.NURSE: (service_id, nurse_id),
        ViewerRole.DOCTOR: (doctor.organisation_id, doctor.practitioner_id),
        ViewerRole.ANALYST: (None, None),
    }


def _login(role: ViewerRole) -> str:
    return f"demo-{role.value}"


def _passwords(path: Path) -> dict[str, str]:
    try:
        kept: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        missing = {_login(role): invent_password() for role in ROLES if _login(role) not in kept}
        if missing:
            path.unlink(missing_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(kept | missing, file, indent=2)
    except (OSError, ValueError) as unusable:
        raise DemoFileUnusable(
            f"{path.name} in the data folder cannot be used ({type(unusable).__name__}): delete it, "
            "then new passwords are made"
        ) from unusable
    return kept | missing
