"""Look for orders that break something, as long as one likes: `python -m tests.interleaving --runs 1000`."""

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from careapp.calendar import Calendar
from careapp.db import make_sessions
from careapp.migrate import upgrade
from tests import databases
from tests.interleaving.deeds import DEEDS
from tests.interleaving.explorer import stage
from tests.interleaving.runs import play
from tests.keys import open_engine


@contextmanager
def _database(kind: str) -> Iterator[Engine]:
    if kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            engine = open_engine(f"sqlite:///{Path(folder) / 'careapp.sqlite'}")
            upgrade(engine)
            yield engine
            engine.dispose()
        return
    with databases.postgresql_server() as server, databases.migrated_database(server) as migrated:
        engine = open_engine(migrated.address)
        yield engine
        engine.dispose()


def main() -> int:
    """Try orders at random; tell each that breaks something, and how often what was refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="postgresql")
    parser.add_argument("--deeds", nargs="*", help="names of those to choose from; all by default")
    asked = parser.parse_args()
    chance = random.Random(asked.seed)  # noqa: S311 -- orders of deeds, no secrets
    some = [deed for deed in DEEDS if not asked.deeds or deed.__name__ in asked.deeds]
    calendar = Calendar(ZoneInfo("Europe/Berlin"), "DE-NW")
    refused: Counter[str] = Counter()
    broken = 0
    with _database(asked.database) as engine, stage(engine) as conductors:
        sessions = make_sessions(engine)
        for number in range(asked.runs):
            deeds = [chance.choice(some) for _ in range(chance.randint(2, 4))]
            order = [(chance.randint(0, 3), chance.randint(1, 30)) for _ in range(chance.randint(0, 12))]
            actors, wrong = play(sessions, conductors, calendar, number, deeds, order)
            refused.update(type(each).__name__ for actor in actors for each in actor.refusals)
            if wrong:
                broken += 1
                print(number, [deed.__name__ for deed in deeds], order, *wrong, sep="\n  ")
    print(f"{asked.runs} runs, {broken} broken; refused: {dict(refused)}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
