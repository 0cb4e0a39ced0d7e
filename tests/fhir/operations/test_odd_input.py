"""Operations take whatever is sent, and say what is wrong with it."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from careapp.config import Settings
from careapp.db import make_sessions
from careapp.errors import CareError
from careapp.roads.geocoders import choose_geocoder
from fhir import projector
from fhir.asking import Asking
from fhir.operations.book import book
from fhir.operations.find import find
from fhir.operations.hold import hold
from tests.careapp.worlds import EVERYONE, a_slot, a_world, moment
from tests.fhir.conftest import BASE, PAGE_KEY
from tests.fhir.operations.conftest import an_appointment

PARTS = ["reference", "actor", "coding", "url", "value", "x"]
NAMES = [
    "id",
    "status",
    "start",
    "end",
    "slot",
    "participant",
    "serviceType",
    "description",
    "requestedPeriod",
]
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["reference", "actor", "coding", "url", "value", "x"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)
NAMES = [
    "id",
    "status",
    "start",
    "end",
    "slot",
    "participant",
    "serviceType",
    "description",
    "requestedPeriod",
]


def _hold(session, document, asking):
    return hold(session, document, asking, lasts=timedelta(minutes=5))


@pytest.fixture
def sqlite_world(request, now, calendar, tmp_path):
    """One database is enough: nothing is written."""
    engine = request.getfixturevalue("sqlite_engine")
    sessions = make_sessions(engine)
    projector.attach(sessions, lambda: now)
    with sessions.begin() as session:
        world = a_world(session)
        slots = [a_slot(session, world.schedule, starts_at=moment(8))]
    asking = Asking(
        viewer=EVERYONE,
        now=now,
        base_url=BASE,
        calendar=calendar,
        geocoder=choose_geocoder(Settings.read(data_dir=tmp_path)),
        page_key=PAGE_KEY,
    )
    return sessions, asking, slots, world.patients[0]


class TestOddInput:
    """Whatever is sent is refused as a rule of ours says, never by an accident."""

    @given(
        given=st.dictionaries(st.sampled_from(NAMES), ODD, max_size=4),
        wrapper=st.sampled_from([None, "appt-resource", "appointment-resource"]),
        operation=st.sampled_from([book, _hold, find]),
    )
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_is_refused_by_a_rule(self, sqlite_world, given, wrapper, operation):
        sessions, asking, slots, patient = sqlite_world
        document = an_appointment(patient, slots[0], **given)
        if wrapper is not None:
            document = {"resourceType": "Parameters", "parameter": [{"name": wrapper, "resource": document}]}

        with sessions() as session:
            try:
                answer = operation(session, document, asking)
            except CareError:
                return
            assert answer.status in {200, 201, 202}
