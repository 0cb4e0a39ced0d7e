"""A client that takes a practitioner's time again and again: `python clients.py DATABASE SEED ATTEMPTS ...`.

Then follow the ids of the organisation, the practitioner and the appointment. It prints what became of its
attempts as JSON: how many were booked, how many refused, and the kinds of every other error.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from uuid import UUID

from careapp import models
from careapp.appointments.occupancy import AlreadyOccupied, check_now, occupy
from careapp.db import make_sessions

sys.path.insert(0, str(Path(__file__).parents[2]))  # run as a program, it does not know where tests lie

from tests.keys import open_engine

assert models.METADATA  # a table names others: all must be known

MORNING = datetime(2026, 3, 3, 6, tzinfo=UTC)


def main(
    address: str, seed: str, attempts: str, organisation: str, practitioner: str, appointment: str
) -> None:
    """Try to take random half hours of one day, which overlap more often than not."""
    engine = open_engine(address)
    sessions = make_sessions(engine)
    random = Random(int(seed))  # noqa: S311 -- no secret, the same every time
    booked, refused, others = 0, 0, []
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(int(attempts)):
        starts_at = MORNING + timedelta(minutes=random.randrange(0, 480, 5))
        try:
            with sessions.begin() as session:
                occupy(
                    session,
                    organisation_id=UUID(organisation),
                    practitioner_id=UUID(practitioner),
                    appointment_id=UUID(appointment),
                    starts_at=starts_at,
                    ends_at=starts_at + timedelta(minutes=30),
                )
                check_now(session)
            booked += 1
        except AlreadyOccupied:
            refused += 1
        except Exception as error:  # noqa: BLE001 -- whatever it is, the test wants to see it
            others.append(repr(error))
    print(json.dumps({"booked": booked, "refused": refused, "others": others}), flush=True)
    engine.dispose()


if __name__ == "__main__":
    main(*sys.argv[1:])
