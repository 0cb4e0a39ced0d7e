"""Each call has its room in one process."""

from uuid import uuid4

import pytest

from api.calls.codes import Code
from api.calls.leases import Leases
from tests.api.call_pages import pages_of
from tests.careapp.calls.consultations import DURING, a_consultation


@pytest.fixture
def engine(postgresql_engine):
    """SQLite is served by one process."""
    return postgresql_engine


class TestLeases:
    def test_are_one_process_s(self, engine):
        one, other, call_id = Leases(engine), Leases(engine), uuid4()

        assert [one.hold(call_id), one.hold(call_id), other.hold(call_id)] == [True, True, False]
        one.release(call_id)
        assert not other.hold(call_id)
        one.release(call_id)
        assert other.hold(call_id)
        other.release(call_id)

    def test_send_pages_away_while_another_has_the_call(self, app, client, engine, sessions, now):
        app.state.clock = lambda: DURING
        with pages_of(client, app, a_consultation(sessions, now)) as pages:
            elsewhere = Leases(engine)
            elsewhere.hold(pages.call_id)

            assert pages.of_doctor().closed() == Code.ELSEWHERE
            elsewhere.release(pages.call_id)
            assert pages.of_doctor().hear("seat")["is_host"]

    def test_of_one_database_file_are_all_ours(self, sqlite_engine):
        one, other, call_id = Leases(sqlite_engine), Leases(sqlite_engine), uuid4()

        assert one.hold(call_id)
        assert other.hold(call_id)
        one.release(call_id)
