from datetime import timedelta

import pytest

from careapp.assisted.needs import Basis, ImpossibleNeed, Need
from careapp.assisted.search import find_assisted
from careapp.config import Settings
from careapp.people.models import Absence, Preference, PreferenceKind
from careapp.people.queries import PatientNotFound
from careapp.people.skills import UnknownSkill
from tests.careapp.assisted.days import MINUTE, a_need, a_town, plan_by_hand
from tests.careapp.worlds import a_skill, a_slot, an_organisation, coordinator_of, moment


@pytest.fixture
def find(session, calendar, now):
    def find(town, need, viewer=None):
        return find_assisted(
            session,
            need=need,
            viewer=viewer or town.viewer,
            now=now,
            calendar=calendar,
            settings=Settings.read(),
        )

    return find


class TestFindAssistedInPublishedTours:
    def test_offers_a_new_visit_where_a_nurse_has_time(self, session, calendar, now, find):
        town = a_town(session)
        plan_by_hand(session, town, calendar, now, {0: [0, 1], 1: [2]})

        offers = find(town, a_need(town.stranger))

        assert {offer.starts_at for offer in offers} == {slot.starts_at for slot in town.slots}
        for offer in offers:
            assert offer.basis is Basis.PUBLISHED
            assert offer.visit_id is None
            # the video begins ten minutes after the visit, give or take five
            assert abs(offer.starts_at - offer.visit_starts_at - 10 * MINUTE) <= 5 * MINUTE
            assert offer.visit_starts_at <= offer.starts_at < offer.ends_at <= offer.visit_ends_at
            assert offer.extra_s > 0
            assert offer.extra_m > 0
            assert len(offer.shift_ids) == 1
            assert offer.points == sum(offer.reasons.values())

    def test_uses_the_visit_that_the_patient_has_anyway(self, session, calendar, now, find):
        town = a_town(session, hours=())
        plan_by_hand(session, town, calendar, now, {0: [0, 1], 1: [2]})
        visit = town.world.visits[2]
        assert visit.starts_at is not None
        a_slot(session, town.world.schedule, starts_at=visit.starts_at + 5 * MINUTE)

        [offer] = find(town, a_need(town.world.patients[2], offset_minutes=5))

        assert offer.visit_id == visit.id
        assert offer.visit_starts_at == visit.starts_at
        assert (offer.extra_s, offer.extra_m, offer.moved) == (0, 0, ())
        assert offer.reasons["new_visit"] == 0

    def test_offers_no_time_at_which_no_nurse_has_the_skill(self, session, calendar, now, find):
        town = a_town(session)
        plan_by_hand(session, town, calendar, now, {0: [0, 1], 1: [2]})
        a_skill(session, "wound")

        assert find(town, a_need(town.stranger, skills={"wound": 4})) == []

    def test_sends_nobody_whom_the_patient_refuses(self, session, calendar, now, find):
        town = a_town(session)
        plan_by_hand(session, town, calendar, now, {0: [0, 1], 1: [2]})
        session.add_all(
            Preference(
                patient_id=town.stranger.id,
                role_id=nurse.id,
                organisation_id=town.world.organisation_id,
                kind=PreferenceKind.FORBIDDEN,
            )
            for nurse in town.world.nurses[:1]
        )
        session.flush()

        offers = find(town, a_need(town.stranger))

        assert {offer.nurse_ids for offer in offers} == {(town.world.nurses[1].id,)}

    def test_adds_nothing_to_the_tour_of_a_nurse_who_fell_ill(self, session, calendar, now, find):
        town = a_town(session)
        plan_by_hand(session, town, calendar, now, {0: [0, 1], 1: [2]})
        find(town, a_need(town.stranger))  # what is kept of the day is no longer true then
        ill = town.world.nurses[0]
        session.add(
            Absence(
                id=ill.id,
                organisation_id=ill.organisation_id,
                practitioner_id=ill.practitioner_id,
                patient_id=None,
                starts_at=moment(0),
                ends_at=moment(23),
            )
        )
        session.flush()

        offers = find(town, a_need(town.stranger))

        assert {offer.nurse_ids for offer in offers} == {(town.world.nurses[1].id,)}

    def test_offers_nothing_that_begins_too_soon(self, session, calendar, find):
        town = a_town(session)
        now = moment(8, 45)  # the slot of nine needs a nurse at ten to nine
        plan_by_hand(session, town, calendar, moment(4), {0: [0, 1], 1: [2]})

        offers = find_assisted(
            session,
            need=a_need(town.stranger),
            viewer=town.viewer,
            now=now,
            calendar=calendar,
            settings=Settings.read(),
        )

        assert [offer.starts_at for offer in offers] == [moment(11)]


class TestFindAssistedElsewhere:
    def test_says_that_a_tour_is_only_proposed(self, session, calendar, now, find):
        town = a_town(session)
        plan_by_hand(session, town, calendar, now, {0: [0, 1], 1: [2]}, is_published=False)

        offers = find(town, a_need(town.stranger))

        assert {offer.basis for offer in offers} == {Basis.PROPOSED}
        assert len(offers) == 3

    def test_says_of_a_day_that_nobody_planned_what_its_demand_leaves(self, session, calendar, now, find):
        town = a_town(session)

        offers = find(town, a_need(town.stranger))

        # two nurses from 5 to 13, three visits of 20 minutes between 6 and 8:20: there is time enough
        assert {offer.starts_at for offer in offers} == {slot.starts_at for slot in town.slots}
        assert {offer.basis for offer in offers} == {Basis.EXPECTED}
        assert {offer.extra_s for offer in offers} == {None}

    def test_expects_nothing_after_the_shifts(self, session, calendar, now, find):
        town = a_town(session, hours=(12, 15))

        offers = find(town, a_need(town.stranger))

        assert [offer.starts_at for offer in offers] == [moment(12)]  # until 12:30, and home by 13:00

    def test_looks_at_the_doctors_asked_for_only(self, session, calendar, now, find):
        town = a_town(session)

        assert find(town, a_need(town.stranger, specialty="NEUR")) == []
        assert len(find(town, a_need(town.stranger, doctor_id=town.world.doctor.id))) == 3
        assert find(town, a_need(town.stranger, schedule_ids=())) == []

    def test_offers_the_odd_times_of_doctors_hours_too(self, session, calendar, now, find):
        town = a_town(session, hours=(), keeps_hours=True)

        offers = find(town, a_need(town.stranger, most=200))

        # from 8 to 10 by the clock, 7 to 9 in UTC, in steps of five minutes, the last one 15 minutes long
        assert {offer.starts_at for offer in offers} == {moment(7) + 5 * n * MINUTE for n in range(22)}
        assert {offer.slot_id for offer in offers} == {None}

    def test_prefers_sooner_the_more_it_is_needed(self, session, calendar, now, find):
        town = a_town(session)

        easy, urgent = (find(town, a_need(town.stranger, level=level))[0] for level in (1, 4))

        # `now` lies one day before: a day counts 60 points at level 1 and 3600 at level 4
        assert urgent.reasons["waiting"] == 60 * easy.reasons["waiting"]

    def test_hides_patients_of_others(self, session, calendar, now, find):
        town = a_town(session)

        with pytest.raises(PatientNotFound):
            find(town, a_need(town.stranger), viewer=coordinator_of(an_organisation(session)))

    def test_refuses_a_skill_that_does_not_exist(self, session, calendar, now, find):
        town = a_town(session)

        with pytest.raises(UnknownSkill):
            find(town, a_need(town.stranger, skills={"magic": 1}))


class TestNeed:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"ends": moment(0)},
            {"ends": moment(0) + timedelta(days=29)},
            {"visit_minutes": 4},
            {"video_minutes": 41},
            {"offset_minutes": 29},  # 29 + 12 > 40
            {"tolerance_minutes": 61},
            {"level": 0},
            {"most": 0},
        ],
    )
    def test_refuses_what_contradicts_itself(self, wrong):
        with pytest.raises(ImpossibleNeed):
            Need(**({"patient_id": None, "starts": moment(0), "ends": moment(9)} | wrong))
