"""Which known places lie at no road of a data set."""

import http.client
import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from careapp.errors import Unavailable
from careapp.organisations.models import Place
from careapp.people.models import Patient
from careapp.visits.models import Visit
from routing.travel.source import Profile

__all__ = ["EngineSilent", "Home", "known_homes", "stops_of_busiest_day", "unsnapped"]

ANSWER_S = 30.0


class EngineSilent(Unavailable):
    """The engine does not answer as it should."""


@dataclass(frozen=True)
class Home:
    """Where a patient lives.

    Attributes:
        patient_id: Whose home it is.
        latitude: Degrees north.
        longitude: Degrees east.
    """

    patient_id: UUID
    latitude: float
    longitude: float


def known_homes(session: Session) -> list[Home]:
    """Return the homes of all patients who receive care, of every organisation."""
    found = (
        select(Patient.id, Place)
        .join(Place, Place.id == Patient.home_id)
        .where(Patient.is_active)
        .order_by(Patient.id)
    )
    return [Home(patient, home.latitude, home.longitude) for patient, home in session.execute(found)]


def stops_of_busiest_day(session: Session) -> int:
    """Return how many visits the day with the most visits has, past or planned."""
    days = select(func.count().label("visits")).select_from(Visit).group_by(Visit.date).subquery()
    return session.scalar(select(func.max(days.c.visits))) or 0


def unsnapped(base_url: str, profile: Profile, homes: Sequence[Home], *, radius_m: int) -> list[Home]:
    """Return the homes without a road within the radius.

    Args:
        base_url: Of a running engine.
        profile: Whose roads.
        homes: The places.
        radius_m: Metres as the crow flies.

    Raises:
        EngineSilent: The engine does not answer.
    """
    address = urlsplit(base_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=ANSWER_S)
    try:
        return [home for home in homes if not _snaps(connection, profile, home, radius_m)]
    except (OSError, http.client.HTTPException, ValueError, KeyError) as broken:
        raise EngineSilent("the new road data's engine does not answer: build them anew") from broken
    finally:
        connection.close()


def _snaps(connection: http.client.HTTPConnection, profile: Profile, home: Home, radius_m: int) -> bool:
    place = f"{home.longitude:.6f},{home.latitude:.6f}"
    connection.request("GET", f"/nearest/v1/{profile.value}/{place}?radiuses={radius_m}&generate_hints=false")
    answer = connection.getresponse()
    code: str = json.loads(answer.read())["code"]
    return code == "Ok"
