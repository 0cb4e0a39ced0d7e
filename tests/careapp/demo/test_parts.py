from datetime import date, timedelta

import pytest

from careapp.demo.care import HARD_KINDS, PROFILES, SKILLS
from careapp.demo.facts import read_facts
from careapp.demo.geography import LEAST_POPULATION, Area, choose_towns
from careapp.demo.maker import Maker
from careapp.demo.names import a_family_name, a_given_name, an_insurance_number
from careapp.demo.staff import hire, posts
from careapp.organisations.models import OrganisationKind, PlaceKind
from careapp.people.models import Gender, VehicleKind
from careapp.recurrence import occurs_on, validate


class TestChooseTowns:
    def test_begins_with_the_largest_town_of_each_district(self) -> None:
        names = [town.name for town in choose_towns(read_facts(), 5)]

        assert names == ["Siegen", "Iserlohn", "Arnsberg", "Lippstadt", "Lennestadt"]

    @pytest.mark.parametrize("count", [1, 24, 83])
    def test_gives_as_many_as_asked_in_towns_only(self, count: int) -> None:
        towns = choose_towns(read_facts(), count)

        assert len(towns) == count
        assert all(town.population > LEAST_POPULATION for town in towns)
        # 83 services for 24 towns: Siegen has a tenth of the people, so about eight; nobody is left out.
        if count == 83:
            assert len(set(towns)) == 24
            assert 6 <= [town.name for town in towns].count("Siegen") <= 10


class TestPosts:
    @pytest.mark.parametrize(("count", "late"), [(1, 0), (2, 1), (3, 1), (5, 2), (25, 10)])
    def test_cover_morning_and_evening(self, count: int, late: int) -> None:
        roster = posts(count, population=50_000)

        assert len(roster) == count
        assert sum(not post.is_early for post in roster) == late

    def test_put_one_assistant_on_a_bicycle_in_a_large_town(self) -> None:
        cyclists = [post for post in posts(5, population=90_000) if post.vehicle == VehicleKind.EBIKE]

        assert len(cyclists) == 1
        assert "wound-care" not in cyclists[0].skills

    def test_are_filled_by_exactly_one_of_two_nurses_each_day(self) -> None:
        facts = read_facts()
        maker = Maker(1)
        service = maker.organisation(OrganisationKind.CARE_SERVICE, "Probe")
        area = Area(facts, facts.municipalities[0].centre)
        base = maker.place(service, PlaceKind.BASE, area.a_home(maker.random))
        first = date(2026, 3, 5)

        staff = list(hire(maker, service, base, area, posts(5, population=1), first_date=first))

        assert len(staff) == 10
        longest = 0
        for pair in zip(staff[::2], staff[1::2], strict=True):
            runs = [0, 0]
            for number in range(42):
                day = first + timedelta(days=number)
                works = [
                    any(
                        occurs_on(pattern.recurrence, first=pattern.first_date, last=None, day=day)
                        for pattern in nurse.patterns
                    )
                    for nurse in pair
                ]
                assert sum(works) == 1
                runs = [run + 1 if at_work else 0 for run, at_work in zip(runs, works, strict=True)]
                longest = max(longest, *runs)
        assert longest == 3
        assert 2 <= sum(nurse.role.base is not base for nurse in staff) <= 4


class TestProfiles:
    def test_share_all_visits(self) -> None:
        assert sum(profile.share for profile in PROFILES) == pytest.approx(1)

    def test_ask_for_known_skills_by_valid_rules(self) -> None:
        kinds = [*HARD_KINDS, *(kind for profile in PROFILES for kind in profile.kinds)]

        for kind in kinds:
            assert {code for skills in kind.skills for code in skills} <= set(SKILLS)
            for recurrence in kind.recurrences:
                validate(recurrence)


class TestNames:
    def test_are_many(self) -> None:
        random = Maker(1).random
        drawn = {(a_given_name(random, Gender.MALE), a_family_name(random)) for _ in range(500)}

        assert len(drawn) > 400

    def test_insurance_numbers_have_ten_places(self) -> None:
        assert an_insurance_number(42) == "X000000042"
