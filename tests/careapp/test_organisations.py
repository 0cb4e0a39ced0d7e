from datetime import datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.organisations import commands, queries
from careapp.organisations.models import Municipality, OrganisationKind, PlaceKind
from careapp.records.models import AuditEvent
from tests.careapp.worlds import a_place, an_organisation, coordinator_of


class TestListOrganisations:
    def test_shows_a_tenant_itself_and_all_practices(self, session: Session) -> None:
        own = an_organisation(session)
        practice = an_organisation(session, kind=OrganisationKind.PRACTICE)
        an_organisation(session)

        page = queries.list_organisations(session, viewer=coordinator_of(own), limit=9)

        assert {organisation.id for organisation in page.items} == {own.id, practice.id}

    def test_may_be_asked_for_one_kind(self, session: Session, viewer: Viewer) -> None:
        an_organisation(session, kind=OrganisationKind.PRACTICE)
        service = an_organisation(session)

        page = queries.list_organisations(session, viewer=viewer, kind=OrganisationKind.CARE_SERVICE, limit=9)

        assert [organisation.id for organisation in page.items] == [service.id]


class TestListPlaces:
    def test_shows_a_tenants_own_of_one_kind(self, session: Session) -> None:
        own = an_organisation(session)
        base = a_place(session, own, kind=PlaceKind.BASE)
        a_place(session, own)
        a_place(session, an_organisation(session), kind=PlaceKind.BASE)

        bases = queries.list_places(session, viewer=coordinator_of(own), kind=PlaceKind.BASE, limit=9)

        assert [place.id for place in bases.items] == [base.id]
        assert len(queries.list_places(session, viewer=coordinator_of(own), limit=9).items) == 2


class TestListMunicipalities:
    def test_is_open_to_every_tenant(self, session: Session) -> None:
        for ags in ("05966024", "05958004"):
            session.add(Municipality(ags=ags, name=ags, district="-", population=1, latitude=51, longitude=8))

        found = queries.list_municipalities(session, viewer=coordinator_of(an_organisation(session)))

        assert [municipality.ags for municipality in found] == ["05958004", "05966024"]


class TestAddOrganisation:
    def test_takes_a_tenant_in(self, session: Session, viewer: Viewer, now: datetime) -> None:
        made = commands.add_organisation(
            session, kind=OrganisationKind.CARE_SERVICE, name=" Probe ", viewer=viewer, now=now
        )

        found = queries.get_organisation(session, organisation_id=made.id, viewer=viewer)
        assert found.name == "Probe"
        assert session.scalars(select(AuditEvent.organisation_id)).all() == [made.id]

    def test_is_for_the_region_only(self, session: Session, now: datetime) -> None:
        with pytest.raises(commands.RegionWideOnly):
            commands.add_organisation(
                session,
                kind=OrganisationKind.PRACTICE,
                name="Probe",
                viewer=coordinator_of(an_organisation(session)),
                now=now,
            )


class TestAddPlace:
    def test_belongs_to_the_viewers_organisation(self, session: Session, now: datetime) -> None:
        own, foreign = an_organisation(session), an_organisation(session)
        address = commands.Address(51.4, 8.06, district="Rumbeck")

        place = commands.add_place(
            session,
            organisation_id=own.id,
            kind=PlaceKind.BASE,
            address=address,
            viewer=coordinator_of(own),
            now=now,
        )

        assert queries.get_place(session, place_id=place.id, viewer=coordinator_of(own)).district == "Rumbeck"
        with pytest.raises(queries.PlaceNotFound):
            queries.get_place(session, place_id=place.id, viewer=coordinator_of(foreign))
        with pytest.raises(queries.OrganisationNotFound):
            commands.add_place(
                session,
                organisation_id=foreign.id,
                kind=PlaceKind.BASE,
                address=address,
                viewer=coordinator_of(own),
                now=now,
            )
