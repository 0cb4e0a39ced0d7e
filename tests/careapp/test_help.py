"""Help across borders: what others learn, who may agree, and what is opened to whom for how long."""

from datetime import datetime, timedelta
from threading import Barrier, Thread
from uuid import UUID

import pytest
from sqlalchemy import func, inspect, select
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.appointments.models import AppointmentStatus, Occupancy
from careapp.appointments.occupancy import AlreadyOccupied
from careapp.errors import CareError
from careapp.help.agreeing import accept_offer, take_back_offer, withdraw_request
from careapp.help.cells import NoSuchCell, cell_of, middle_of
from careapp.help.commands import (
    HelpAskedAlready,
    HelpOverBefore,
    NurseCannotHelp,
    OwnNurse,
    offer_help,
    request_help,
)
from careapp.help.models import HelpOffer, HelpRequest, HelpStatus, OfferStatus
from careapp.help.queries import HelpOfferNotFound, HelpRequestNotFound, Whose, get_help, list_help
from careapp.help.standing import HelpNoLongerWanted, HelpNotPossible, OfferNoLongerStands
from careapp.help.undoing import HelpHasBegun
from careapp.openings.models import Opening, OpeningKind
from careapp.openings.queries import openings_of
from careapp.people.models import Role
from careapp.people.queries import NurseNotFound
from careapp.records.models import AuditEvent
from careapp.visits.commands import cancel_visit
from careapp.visits.models import Visit
from careapp.visits.queries import VisitNotFound
from tests.careapp.worlds import World, a_nurse, a_visit, a_world, an_organisation, coordinator_of, moment


@pytest.fixture
def world(session: Session) -> World:
    return a_world(session)


@pytest.fixture
def nurse(session: Session) -> Role:
    """A nurse of another service, who may do what the visits need."""
    return a_nurse(session, an_organisation(session, name="Pflegedienst Nachbar"), family_name="Nachbar")


@pytest.fixture
def neighbour(nurse: Role) -> Viewer:
    return coordinator_of(nurse.organisation)


@pytest.fixture
def visit(world: World) -> Visit:
    visit: Visit = world.visits[0]
    return visit


@pytest.fixture
def request_id(session, world, visit, now) -> UUID:
    return request_help(session, visit_id=visit.id, viewer=world.viewer, now=now).id


@pytest.fixture
def offer(session, request_id, nurse, neighbour, now) -> HelpOffer:
    return offer_help(
        session, request_id=request_id, role_id=nurse.id, starts_at=moment(7), viewer=neighbour, now=now
    )


@pytest.fixture
def agree(session, world, request_id, calendar, now):
    def agree(offer: HelpOffer, viewer: Viewer | None = None) -> HelpOffer:
        return accept_offer(
            session,
            request_id=request_id,
            offer_id=offer.id,
            calendar=calendar,
            viewer=viewer or world.viewer,
            now=now,
        )

    return agree


def taken(session: Session, nurse: Role) -> int:
    count = select(func.count(Occupancy.id)).where(Occupancy.practitioner_id == nurse.practitioner_id)
    return session.scalar(count) or 0


class TestCell:
    @pytest.mark.parametrize(
        ("latitude", "longitude", "cell", "middle"),
        [
            (51.3967, 8.0644, "51.35,8.00", (51.375, 8.04)),
            (51.35, 8.0, "51.35,8.00", (51.375, 8.04)),
            (51.3999, 8.0799, "51.35,8.00", (51.375, 8.04)),
            (51.4, 8.08, "51.40,8.08", (51.425, 8.12)),
            (-0.01, -0.01, "-0.05,-0.08", (-0.025, -0.04)),
        ],
    )
    def test_is_named_by_its_corner(self, latitude, longitude, cell, middle):
        assert cell_of(latitude=latitude, longitude=longitude) == cell
        assert middle_of(cell) == middle

    def test_has_no_other_name(self):
        with pytest.raises(NoSuchCell):
            middle_of("Arnsberg")


class TestRequestHelp:
    def test_tells_others_where_about_when_and_what_but_not_for_whom(
        self, session, world, visit, neighbour, request_id, now
    ):
        (seen,) = list_help(session, viewer=neighbour, now=now, limit=9).items

        request = seen.request
        # The home of the first patient lies at 51.4057 north, 8.0644 east.
        assert (request.cell, request.duration_s, request.skills) == ("51.40,8.00", 1200, {"care": 2})
        assert (request.earliest, request.latest) == (moment(6), moment(8))
        assert (seen.visit_id, seen.offers) == (None, [])
        assert get_help(session, request_id=request_id, viewer=world.viewer, now=now).visit_id == visit.id

    def test_keeps_every_tie_to_a_person_out_of_what_others_may_read(self):
        columns = {column.key for column in inspect(HelpRequest).columns}

        # Names of columns of the table that the database shows to every service.
        assert columns == {
            "id",
            "organisation_id",
            "status",
            "cell",
            "earliest",
            "latest",
            "duration_s",
            "skills",
            "expires_at",
            "created_at",
        }

    def test_lists_own_and_others(self, session, world, neighbour, request_id, now):
        def ids(viewer: Viewer, whose: Whose | None) -> list[UUID]:
            return [
                each.request.id
                for each in list_help(session, viewer=viewer, whose=whose, now=now, limit=9).items
            ]

        assert ids(world.viewer, Whose.OWN) == ids(neighbour, Whose.OTHERS) == [request_id]
        assert ids(world.viewer, Whose.OTHERS) == ids(neighbour, Whose.OWN) == []

    def test_is_refused_for_visits_of_others(self, session, visit, neighbour, now):
        with pytest.raises(VisitNotFound):
            request_help(session, visit_id=visit.id, viewer=neighbour, now=now)

    def test_is_refused_twice(self, session, world, visit, request_id, now):
        with pytest.raises(HelpAskedAlready):
            request_help(session, visit_id=visit.id, viewer=world.viewer, now=now)

        withdraw_request(session, request_id=request_id, viewer=world.viewer, now=now)
        assert request_help(session, visit_id=visit.id, viewer=world.viewer, now=now).id != request_id

    def test_is_refused_where_nobody_else_is_needed(self, session, world, visit, now):
        several = a_visit(session, world.patients[0], services=[{}, {}])
        visit.status, visit.starts_at, visit.ends_at = AppointmentStatus.BOOKED, moment(7), moment(7, 20)
        session.flush()

        for each in (several, visit):
            with pytest.raises(HelpNotPossible):
                request_help(session, visit_id=each.id, viewer=world.viewer, now=now)

    @pytest.mark.parametrize(
        "times",
        [
            {"earliest": moment(5)},
            {"latest": moment(9)},
            {"earliest": moment(8), "latest": moment(7)},
            {"expires_at": moment(0) - timedelta(days=2)},
        ],
    )
    def test_keeps_to_the_visits_window(self, session, world, visit, now, times):
        with pytest.raises(HelpOverBefore):
            request_help(session, visit_id=visit.id, viewer=world.viewer, now=now, **times)

    def test_ends_when_nobody_answers(self, session, visit, world, nurse, neighbour, calendar, now):
        wish = request_help(
            session, visit_id=visit.id, expires_at=now + timedelta(hours=1), viewer=world.viewer, now=now
        )
        offered = offer_help(
            session, request_id=wish.id, role_id=nurse.id, starts_at=moment(7), viewer=neighbour, now=now
        )
        later = now + timedelta(hours=1)
        third = coordinator_of(an_organisation(session))

        with pytest.raises(HelpNoLongerWanted, match="over"):
            accept_offer(
                session,
                request_id=wish.id,
                offer_id=offered.id,
                calendar=calendar,
                viewer=world.viewer,
                now=later,
            )
        with pytest.raises(HelpRequestNotFound):
            get_help(session, request_id=wish.id, viewer=third, now=later)
        assert get_help(session, request_id=wish.id, viewer=neighbour, now=later).offers == [offered]


class TestOfferHelp:
    def test_is_seen_by_the_two_services_only(self, session, world, neighbour, request_id, offer, now):
        third = coordinator_of(an_organisation(session))

        for viewer, offers in ((world.viewer, [offer]), (neighbour, [offer]), (third, [])):
            seen = get_help(session, request_id=request_id, viewer=viewer, now=now)
            assert seen.offers == offers

    def test_opens_nothing(self, session, nurse, offer):
        assert session.scalars(select(Opening)).all() == []
        assert taken(session, nurse) == 0

    def test_is_refused_of_a_nurse_who_cannot(self, session, request_id, nurse, neighbour, now):
        novice = a_nurse(session, nurse.organisation, skills={"care": 1})

        def offer(role: Role, start: datetime) -> None:
            offer_help(
                session, request_id=request_id, role_id=role.id, starts_at=start, viewer=neighbour, now=now
            )

        with pytest.raises(NurseCannotHelp, match="lacks care"):
            offer(novice, moment(7))
        with pytest.raises(NurseCannotHelp, match="window"):
            offer(nurse, moment(8, 1))
        nurse.is_active = False
        with pytest.raises(NurseCannotHelp, match="no longer works"):
            offer(nurse, moment(7))

    def test_is_refused_of_somebody_elses_nurse(self, session, world, request_id, nurse, neighbour, now):
        offered = {"request_id": request_id, "starts_at": moment(7), "now": now}

        with pytest.raises(NurseNotFound):
            offer_help(session, role_id=world.nurses[0].id, viewer=neighbour, **offered)
        with pytest.raises(OwnNurse):
            offer_help(session, role_id=world.nurses[0].id, viewer=world.viewer, **offered)

    def test_is_made_once_at_a_time(self, session, request_id, nurse, neighbour, offer, now):
        again = {"request_id": request_id, "role_id": nurse.id, "starts_at": moment(7)}

        with pytest.raises(OfferNoLongerStands, match="already"):
            offer_help(session, viewer=neighbour, now=now, **again)
        take_back_offer(session, request_id=request_id, offer_id=offer.id, viewer=neighbour, now=now)
        assert offer_help(session, viewer=neighbour, now=now, **again).id != offer.id


class TestAcceptOffer:
    def test_opens_the_record_to_that_nurse_for_that_visit_and_says_so(
        self, session, world, visit, nurse, neighbour, offer, agree, now
    ):
        agree(offer)

        (opening,) = session.scalars(select(Opening)).all()
        assert (opening.kind, opening.organisation_id) == (OpeningKind.HELP, world.organisation_id)
        assert (opening.patient_id, opening.appointment_id) == (visit.patient_id, visit.id)
        assert (opening.to_organisation_id, opening.to_practitioner_id) == (
            nurse.organisation_id,
            nurse.practitioner_id,
        )
        # Agreed at 18:00 on the day before the visit of 3 March; open until the end of 4 March in Berlin.
        assert (opening.starts_at, opening.ends_at) == (now, moment(23, day=visit.date + timedelta(days=1)))
        assert offer.opening_id == opening.id
        helper = Viewer("helper", neighbour.role, neighbour.organisation_id, nurse.practitioner_id)
        assert session.scalars(openings_of(helper, moment(7))).all() == [opening]
        assert session.scalars(openings_of(neighbour, moment(7))).all() == []
        actions = set(session.scalars(select(AuditEvent.action)))
        assert {"request_help", "offer_help", "accept_help", "open_record"} <= actions

    def test_promises_the_visit_and_takes_the_nurses_time(self, session, visit, nurse, offer, agree):
        agree(offer)

        assert (visit.status, visit.starts_at, visit.ends_at) == (
            AppointmentStatus.BOOKED,
            moment(7),
            moment(7, 20),
        )
        assert taken(session, nurse) == 1

    def test_declines_the_other_offers(self, session, request_id, offer, agree, now):
        other = a_nurse(session, an_organisation(session))
        second = offer_help(
            session,
            request_id=request_id,
            role_id=other.id,
            starts_at=moment(7, 30),
            viewer=coordinator_of(other.organisation),
            now=now,
        )

        agree(offer)
        session.refresh(second)

        assert second.status is OfferStatus.DECLINED
        with pytest.raises(HelpNoLongerWanted):
            agree(second)

    def test_is_only_for_the_service_that_asked(self, session, neighbour, offer, agree):
        for viewer in (neighbour, coordinator_of(an_organisation(session))):
            with pytest.raises(HelpRequestNotFound):
                agree(offer, viewer)
        assert session.scalars(select(Opening)).all() == []

    def test_is_refused_if_the_nurse_was_promised_elsewhere(self, session, visit, nurse, offer, agree):
        session.add(
            Occupancy(
                id=offer.id,
                organisation_id=nurse.organisation_id,
                practitioner_id=nurse.practitioner_id,
                appointment_id=a_visit(session).id,
                starts_at=moment(7, 10),
                ends_at=moment(8),
            )
        )
        session.commit()

        with pytest.raises(AlreadyOccupied):
            agree(offer)
        session.rollback()
        assert visit.status is AppointmentStatus.PROPOSED
        assert session.scalars(select(Opening)).all() == []

    def test_is_refused_if_the_visit_was_promised_meanwhile(self, session, visit, offer, agree):
        visit.status, visit.starts_at, visit.ends_at = AppointmentStatus.BOOKED, moment(6), moment(6, 20)
        session.flush()

        with pytest.raises(HelpNotPossible):
            agree(offer)

    def test_happens_once_if_two_press_the_button(
        self, sessions, session, world, request_id, offer, calendar, now
    ):
        other = a_nurse(session, an_organisation(session))
        second = offer_help(
            session,
            request_id=request_id,
            role_id=other.id,
            starts_at=moment(7, 30),
            viewer=coordinator_of(other.organisation),
            now=now,
        )
        session.commit()
        start, outcomes = Barrier(2), []

        def press(offer_id: UUID) -> None:
            start.wait()
            try:
                with sessions.begin() as own:
                    accept_offer(
                        own,
                        request_id=request_id,
                        offer_id=offer_id,
                        calendar=calendar,
                        viewer=world.viewer,
                        now=now,
                    )
                outcomes.append("agreed")
            except CareError as refused:
                outcomes.append(type(refused).__name__)

        threads = [Thread(target=press, args=(each.id,)) for each in (offer, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(outcomes) == ["HelpNoLongerWanted", "agreed"]
        assert len(session.scalars(select(Opening)).all()) == 1


class TestTakingBack:
    def test_by_the_helper_closes_the_record_and_lets_the_request_wait_again(
        self, session, visit, nurse, neighbour, request_id, offer, agree, now
    ):
        agree(offer)

        take_back_offer(session, request_id=request_id, offer_id=offer.id, viewer=neighbour, now=now)
        session.expire_all()

        assert offer.status is OfferStatus.WITHDRAWN
        assert session.get_one(HelpRequest, request_id).status is HelpStatus.OPEN
        assert (visit.status, visit.starts_at) == (AppointmentStatus.PROPOSED, None)
        assert taken(session, nurse) == 0
        helper = Viewer("helper", neighbour.role, neighbour.organisation_id, nurse.practitioner_id)
        assert session.scalars(openings_of(helper, moment(7))).all() == []

    def test_by_whoever_asked_ends_all_of_it(
        self, session, world, visit, nurse, request_id, offer, agree, now
    ):
        agree(offer)

        withdraw_request(session, request_id=request_id, viewer=world.viewer, now=now)
        session.expire_all()

        assert offer.status is OfferStatus.DECLINED
        assert visit.status is AppointmentStatus.PROPOSED
        assert taken(session, nurse) == 0
        assert session.scalars(select(Opening.ends_at)).all() == [now]
        with pytest.raises(HelpNoLongerWanted):
            withdraw_request(session, request_id=request_id, viewer=world.viewer, now=now)

    def test_before_anything_was_agreed(self, session, world, request_id, offer, now):
        declined = take_back_offer(
            session, request_id=request_id, offer_id=offer.id, viewer=world.viewer, now=now
        )

        assert declined.status is OfferStatus.DECLINED
        with pytest.raises(OfferNoLongerStands):
            take_back_offer(session, request_id=request_id, offer_id=offer.id, viewer=world.viewer, now=now)

    def test_is_nobody_elses(self, session, request_id, offer, neighbour, now):
        third = coordinator_of(an_organisation(session))

        with pytest.raises(HelpOfferNotFound):
            take_back_offer(session, request_id=request_id, offer_id=offer.id, viewer=third, now=now)
        for viewer in (third, neighbour):
            with pytest.raises(HelpRequestNotFound):
                withdraw_request(session, request_id=request_id, viewer=viewer, now=now)

    def test_is_too_late_once_the_visit_has_begun(self, session, world, neighbour, request_id, offer, agree):
        agree(offer)

        with pytest.raises(HelpHasBegun):
            take_back_offer(
                session, request_id=request_id, offer_id=offer.id, viewer=neighbour, now=moment(7)
            )
        with pytest.raises(HelpHasBegun):
            withdraw_request(session, request_id=request_id, viewer=world.viewer, now=moment(7))

    def test_comes_with_the_visits_cancellation(
        self, session, world, visit, nurse, request_id, offer, agree, now
    ):
        agree(offer)

        cancel_visit(session, visit_id=visit.id, because="pat", viewer=world.viewer, now=now)
        session.expire_all()

        assert session.get_one(HelpRequest, request_id).status is HelpStatus.WITHDRAWN
        assert offer.status is OfferStatus.DECLINED
        assert session.scalars(select(Opening.ends_at)).all() == [now]
        assert taken(session, nurse) == 0
