"""One run: a scene, some deeds, an order; and what is wrong afterwards."""

from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy.orm import Session, sessionmaker

from careapp.calendar import Calendar
from tests.interleaving.deeds import Deed
from tests.interleaving.explorer import Actor, Burst, Conductor
from tests.interleaving.invariants import breaches
from tests.interleaving.scene import Scene, a_scene


def play(
    sessions: sessionmaker[Session],
    conductors: Callable[[], Conductor],
    calendar: Calendar,
    number: int,
    deeds: Sequence[Deed],
    order: Sequence[Burst],
) -> tuple[list[Actor], list[str]]:
    """Let the deeds happen in an order; return the actors and what is wrong.

    Args:
        sessions: Build the scene and look at it afterwards.
        conductors: Of `explorer.stage`.
        calendar: Whose days.
        number: Of the run, from 0: each has a day of its own.
        deeds: One of each actor.
        order: Who goes on for how long.
    """
    with sessions.begin() as session:
        scene = a_scene(session, number, calendar)
    programs = [(deed.__name__, partial(_do, deed, scene)) for deed in deeds]
    actors = conductors().run(programs, order)
    faults = [f"{actor.name}: {actor.fault!r}" for actor in actors if actor.fault is not None]
    with sessions.begin() as session:
        return actors, [*faults, *breaches(session, scene)]


def _do(deed: Deed, scene: Scene, actor: Actor) -> None:
    deed(actor, scene)
