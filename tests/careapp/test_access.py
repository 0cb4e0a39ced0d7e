"""Who sees what, a page of it, and what time it is."""

from datetime import UTC, timedelta

import pytest
from sqlalchemy import select

from careapp import clock
from careapp.access import OFFERED_TO_ALL, visible
from careapp.consultations.models import Slot
from careapp.models import METADATA
from careapp.organisations.models import Organisation
from careapp.paging import read_page
from careapp.people.models import Patient
from careapp.sealing.lookups import exactly
from tests.careapp.worlds import a_patient, a_slot, an_organisation, coordinator_of


class TestVisible:
    def test_shows_an_organisation_its_own(self, session):
        own = a_patient(session)
        a_patient(session)

        seen = session.scalars(visible(select(Patient), coordinator_of(own.organisation), Patient)).all()

        assert seen == [own]

    def test_shows_the_region_everything(self, session, viewer):
        patients = [a_patient(session) for _ in range(2)]

        seen = session.scalars(visible(select(Patient), viewer, Patient)).all()

        assert sorted(row.id for row in seen) == sorted(row.id for row in patients)

    def test_shows_everybody_what_is_offered(self, session):
        slot = a_slot(session)
        other = an_organisation(session)

        seen = session.scalars(visible(select(Slot), coordinator_of(other), Slot)).all()

        assert seen == [slot]

    def test_offers_nothing_that_names_a_patient(self):
        for name in OFFERED_TO_ALL:
            assert "patient_id" not in METADATA.tables[name].columns

    def test_keeps_the_conditions_that_were_there(self, session):
        own = a_patient(session)
        a_patient(session, own.organisation).insurance_number = "X000000002"
        number = own.insurance_number or ""
        statement = select(Patient).where(exactly(Patient, "insurance_number", [number]))

        seen = session.scalars(visible(statement, coordinator_of(own.organisation), Patient)).all()

        assert seen == [own]


class TestReadPage:
    @pytest.mark.parametrize("limit", [1, 2, 3, 4, 7])
    def test_meets_each_row_once_in_order_of_its_id(self, session, limit):
        ids = sorted(an_organisation(session).id for _ in range(4))

        seen, after, pages = [], None, 0
        while pages == 0 or after is not None:
            page = read_page(session, select(Organisation), key=Organisation.id, limit=limit, after=after)
            seen += [row.id for row in page.items]
            after, pages = page.next_after, pages + 1
            assert len(page.items) <= limit

        # ceil(4 / limit) pages: the last one says that it is the last, though it may be full.
        assert (seen, pages) == (ids, -(-4 // limit))

    def test_of_nothing_is_empty_and_last(self, session):
        page = read_page(session, select(Organisation), key=Organisation.id, limit=5, after=None)

        assert (page.items, page.next_after) == ([], None)


def test_the_clock_tells_this_moment_in_utc():
    first, second = clock.now(), clock.now()

    assert first.tzinfo is UTC
    assert timedelta(0) <= second - first < timedelta(minutes=1)
