"""Processes that compete for what is due once.

python holders.py evenings DATABASE FIRST DAYS   ticks through simulated evenings
python holders.py holds DATABASE WORK DATE       takes a claim for 1 s, waits for a line, finishes
"""

import sys
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from careapp import clock, models
from careapp.config import Settings
from careapp.db import make_sessions
from careapp.jobs import claims
from careapp.scheduler import plan_tomorrow_if_due

sys.path.insert(0, str(Path(__file__).parents[3]))  # run as a program, it does not know where tests lie

from tests.keys import open_engine

assert models.METADATA  # a table names others: all must be known

LEASE = timedelta(seconds=1)


def evenings(address: str, first: str, days: str) -> None:
    """Look every half hour of simulated time, at the same moments as every other process."""
    engine = open_engine(address)
    sessions = make_sessions(engine)
    settings = Settings.read()
    begin = datetime.combine(date.fromisoformat(first), time(12), UTC)
    print("ready", flush=True)
    sys.stdin.readline()
    for half_hour in range(int(days) * 48):
        with sessions.begin() as session:
            plan_tomorrow_if_due(session, now=begin + half_hour * timedelta(minutes=30), settings=settings)
    engine.dispose()


def holds(address: str, work: str, local_date: str) -> None:
    """Say which token was given, and how the finish went."""
    engine = open_engine(address)
    sessions = make_sessions(engine)
    due = date.fromisoformat(local_date)
    with sessions.begin() as session:
        token = claims.take(session, work=work, local_date=due, now=clock.now(), lease=LEASE)
    print(token, flush=True)
    sys.stdin.readline()
    try:
        with sessions.begin() as session:
            claims.finish(session, work=work, local_date=due, token=token or 0, now=clock.now())
    except claims.ClaimLost:
        print("lost", flush=True)
    else:
        print("finished", flush=True)
    engine.dispose()


if __name__ == "__main__":
    {"evenings": evenings, "holds": holds}[sys.argv[1]](*sys.argv[2:])
