import threading
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings

from routing.check import violations
from routing.objective import cost_of
from routing.parts import solve_in_parts, split
from routing.problem import Link, Problem, Service, TimeWindow, Vehicle
from routing.solver import solve
from routing.weights import Weights
from tests.routing.problems import HOUR, a_problem, a_service, a_vehicle, small_days


def two_services(*, tied: bool = False) -> Problem:
    """Two care services with two nurses and two patients each, far from each other's numbers."""
    return a_problem(
        [
            a_service("a", 1, allowed=frozenset({1, 3})),
            a_service("b", 2, allowed=frozenset({0, 2})),
            a_service("c", 3, allowed=frozenset({1, 3}), preferred=frozenset({3})),
            a_service("d", 4, allowed=frozenset({0, 2}), forbidden=frozenset({2})),
        ],
        [a_vehicle("n"), a_vehicle("o"), a_vehicle("p", start=5), a_vehicle("q")],
        links=(Link(0, 1, 0, HOUR),) if tied else (),
    )


class TestSplit:
    def test_parts_what_shares_no_nurse(self):
        parts = split(two_services())

        assert [(part.services, part.vehicles) for part in parts] == [((0, 2), (1, 3)), ((1, 3), (0, 2))]

    def test_numbers_each_part_from_zero_and_keeps_what_it_means(self):
        whole = two_services()

        first, second = split(whole)

        assert [service.id for service in first.problem.services] == ["a", "c"]
        assert first.problem.services[1].preferred == {1}  # vehicle 3 of the whole
        assert second.problem.services[1].forbidden == {1}  # vehicle 2 of the whole
        for part in (first, second):
            for new, number in enumerate(part.services):
                for vehicle, old in enumerate(part.vehicles):
                    here, there = part.problem, whole
                    assert here.seconds(
                        vehicle, here.vehicles[vehicle].start, here.services[new].location
                    ) == there.seconds(old, there.vehicles[old].start, there.services[number].location)

    def test_keeps_together_what_a_link_or_a_visit_ties(self):
        tied = two_services(tied=True)
        one_visit = two_services()
        services = tuple(replace(service, visit="v") for service in one_visit.services)

        assert len(split(tied)) == 1
        assert len(split(replace(one_visit, services=services))) == 1

    def test_keeps_pins_orders_and_what_nurses_know(self):
        whole = two_services()
        services = list(whole.services)
        services[0] = replace(services[0], pinned_vehicle=3, known={3: 7, 0: 9})
        whole = replace(whole, services=tuple(services), orders=((1, 3),))

        first, second = split(whole)

        assert (first.problem.services[0].pinned_vehicle, first.problem.services[0].known) == (1, {1: 7})
        assert second.problem.orders == ((0, 1),)

    def test_keeps_together_shifts_of_one_nurse_that_may_bind_each_other(self):
        whole = two_services()
        n, o, p, q = (replace(vehicle, nurse=f"nurse {i // 2}") for i, vehicle in enumerate(whole.vehicles))
        late = TimeWindow(14 * HOUR, 20 * HOUR)
        apart = (n, replace(o, shift=late), p, replace(q, shift=late))

        assert len(split(replace(whole, vehicles=(n, o, p, q)))) == 1
        assert len(split(replace(whole, vehicles=apart))) == 2

    def test_keeps_together_what_a_cost_compares(self):
        assert len(split(replace(two_services(), weights=Weights(balance=1)))) == 1

    def test_is_whole_where_everybody_may_do_everything(self):
        assert len(split(a_problem([a_service("a"), a_service("b")], [a_vehicle("n"), a_vehicle("o")]))) == 1

    def test_shows_all_nurses_to_what_nobody_may_do(self):
        problem = a_problem(
            [a_service("a"), a_service("b", allowed=frozenset())], [a_vehicle("n"), a_vehicle("o")]
        )

        parts = split(problem)

        assert [(part.services, part.vehicles) for part in parts] == [((0,), (0, 1)), ((1,), (0, 1))]

    def test_knows_every_field_that_names_a_number(self):
        # A new field of these must be thought of in `excerpt`; then it is listed here.
        assert {field.name for field in fields(Service)} == {
            *("id", "location", "duration", "windows", "skills", "visit"),
            *("allowed", "forbidden", "preferred", "penalty"),
            *("demand", "late", "wish", "known", "pinned_vehicle", "pinned_start", "needs", "inside"),
        }
        assert {field.name for field in fields(Vehicle)} == {
            *(
                "id",
                "start",
                "end",
                "shift",
                "skills",
                "max_work",
                "breaks",
                "travel",
                "capacity",
                *("overtime", "lunch", "leaves_at_once"),
            ),
            *("nurse", "day", "max_day", "rest", "free_since", "next_duty", "uses"),
        }
        assert {field.name for field in fields(Problem)} == {
            *("services", "vehicles", "travel", "links", "weights", "orders"),
        }


class TestSolveInParts:
    def test_places_everything_that_the_parts_can_place(self):
        problem = two_services()

        plan = solve_in_parts(problem, 0.5, threads=2)

        assert violations(problem, plan) == []
        assert plan.unassigned == ()
        assert plan.cost == cost_of(problem, plan.routes)
        assert {vehicle for vehicle, stop in plan.stops() if stop.service in (0, 2)} <= {1, 3}

    def test_says_why_nobody_may_come(self):
        problem = a_problem(
            [a_service("a"), a_service("b", allowed=frozenset())], [a_vehicle("n"), a_vehicle("o")]
        )

        plan = solve_in_parts(problem, 0.2)

        (reason,) = plan.unassigned
        assert (reason.service, reason.proven) == (1, True)
        assert "allowed" in reason.sentence

    @pytest.mark.parametrize("threads", [1, 2])
    def test_gives_the_same_plan_whatever_the_threads(self, threads):
        problem = two_services()

        plan = solve_in_parts(problem, seed=3, iterations=200, threads=threads)

        assert plan == solve_in_parts(problem, seed=3, iterations=200, threads=1)

    def test_counts_a_wish_for_a_nurse_who_may_not_come(self):
        problem = a_problem(
            [
                a_service("a", allowed=frozenset({0}), preferred=frozenset({1})),
                a_service("b", allowed=frozenset({1})),
            ],
            [a_vehicle("n"), a_vehicle("m")],
        )

        plan = solve_in_parts(problem, iterations=50)

        assert plan.cost == cost_of(problem, plan.routes)
        assert plan.cost.terms["not_preferred"] == problem.weights.not_preferred

    def test_tells_the_sum_of_all_parts(self):
        told = []
        busy = threading.Lock()

        def tell(state):
            assert busy.acquire(blocking=False)
            told.append(state)
            busy.release()

        plan = solve_in_parts(two_services(), 0.5, threads=2, on_progress=tell)

        assert told[-1].cost >= plan.cost.total
        assert [state.cost for state in told] == sorted((state.cost for state in told), reverse=True)
        assert told[-1].assigned == 4

    def test_has_a_plan_when_it_is_cancelled_at_once(self):
        problem = two_services()

        plan = solve_in_parts(problem, 60, cancel=lambda: True)

        assert violations(problem, plan) == []
        assert plan.seconds < 30

    def test_keeps_a_limit_of_zero(self):
        problem = two_services()

        plan = solve_in_parts(problem, 0)

        assert violations(problem, plan) == []
        assert plan.iterations == 0

    @settings(max_examples=25, deadline=None)
    @given(small_days())
    def test_breaks_no_rule_on_random_days(self, problem):
        plan = solve_in_parts(problem, iterations=50)

        assert violations(problem, plan) == []
        assert plan.cost == cost_of(problem, plan.routes)

    def test_is_as_good_as_one_search_where_there_is_one_part(self):
        problem = a_problem([a_service("a"), a_service("b", 2)], [a_vehicle("n"), a_vehicle("o")])

        assert solve_in_parts(problem, iterations=100, seed=2) == solve(problem, iterations=100, seed=2)
