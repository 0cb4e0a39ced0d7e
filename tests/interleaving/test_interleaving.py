"""No double booking, no orphan, no lost visit, in whatever order people and planners act.

`python -m tests.interleaving` does the same for as long as one likes.
"""

import threading
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from careapp.organisations.models import Organisation
from tests.careapp.worlds import an_organisation
from tests.interleaving import deeds as all_deeds
from tests.interleaving.deeds import DEEDS
from tests.interleaving.explorer import stage
from tests.interleaving.runs import play

SOME = st.lists(st.sampled_from(DEEDS), min_size=2, max_size=4)
ORDER = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 30)), max_size=12)

FOUND = {
    "a planner deletes the tours that were published meanwhile": (
        (all_deeds.publish, all_deeds.plan_again),
        [(0, 3), (1, 27), (0, 5)],
    ),
    "two planners delete the same proposal": (
        (all_deeds.plan_again, all_deeds.plan_again),
        [(0, 17), (1, 17), (0, 9), (1, 9)],
    ),
    "a day is published while one of its visits is called off": (
        (all_deeds.publish, all_deeds.cancel_a_proposed_visit),
        [(0, 7), (1, 30)],
    ),
}


@pytest.fixture
def conductors(engine):
    with stage(engine) as conductors:
        yield conductors


class TestWhateverTheOrder:
    def test_nothing_is_booked_twice_orphaned_or_lost(self, engine, sessions, conductors, calendar):
        numbers = count()

        @settings(
            max_examples=15,
            deadline=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],  # to shrink takes minutes: see the package's program
            suppress_health_check=list(HealthCheck),
        )
        @given(deeds=SOME, order=ORDER)
        def holds_true(deeds, order):
            _, wrong = play(sessions, conductors, calendar, next(numbers), deeds, order)
            assert wrong == []

        holds_true()

    @pytest.mark.parametrize("name", FOUND)
    def test_stays_mended(self, sessions, conductors, calendar, name):
        deeds, order = FOUND[name]

        actors, wrong = play(sessions, conductors, calendar, 0, deeds, order)

        assert wrong == []
        assert len(actors) == len(deeds)


class TestTheExplorer:
    """Whether it would find what it looks for: deeds that are wrong on purpose."""

    @pytest.fixture
    def tenant(self, sessions):
        with sessions.begin() as session:
            return an_organisation(session).id

    def rename(self, tenant, *, careful):
        def program(actor):
            with actor.attempt() as session:
                statement = select(Organisation.name).where(Organisation.id == tenant)
                name = session.scalar(statement.with_for_update() if careful else statement)
                session.execute(
                    text("UPDATE organisation SET name = :name WHERE id = :id"),
                    {"name": f"{name}!", "id": tenant if actor.seat.is_server else tenant.hex},
                )

        return program

    @pytest.mark.parametrize(
        ("careful", "name"), [(False, "Pflegedienst Probe!"), (True, "Pflegedienst Probe!!")]
    )
    def test_finds_a_lost_update_where_the_database_allows_one(
        self, engine, sessions, conductors, tenant, careful, name
    ):
        programs = [(str(number), self.rename(tenant, careful=careful)) for number in range(2)]

        # Both have read before either writes: the telling of the tenant and the reading are two stops.
        actors = conductors().run(programs, [(0, 3), (1, 3)])

        assert [actor.fault for actor in actors] == [None, None]
        with sessions.begin() as session:
            found = session.get_one(Organisation, tenant).name
        alone = engine.dialect.name == "sqlite"  # it lets nobody begin meanwhile
        assert found == ("Pflegedienst Probe!!" if alone else name)

    def test_sees_a_circle_end(self, engine, sessions, conductors):
        if engine.dialect.name == "sqlite":
            return  # one writer at a time makes no circle
        with sessions.begin() as session:
            ids = [an_organisation(session).id for _ in range(2)]

        def program(order):
            def touch_both(actor):
                with actor.attempt() as session:
                    for key in order:
                        session.execute(
                            select(Organisation.id).where(Organisation.id == key).with_for_update()
                        )

            return touch_both

        actors = conductors().run([("up", program(ids)), ("down", program(ids[::-1]))], [(0, 3), (1, 3)])

        assert sorted(actor.fault is None for actor in actors) == [False, True]

    def test_leaves_no_thread_behind(self, sessions, conductors, calendar):
        before = threading.active_count()

        play(sessions, conductors, calendar, 0, DEEDS[:4], [(3, 2), (0, 2)])

        assert threading.active_count() == before
