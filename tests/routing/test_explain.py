"""Every service that is left out has a true reason, and the smallest."""

from routing.clock import time_routes
from routing.explain import explain_unassigned
from routing.problem import WORKING_TIME_LAW, BreakRule, Link, Nurses, Problem, TimeWindow
from routing.solver import solve
from tests.routing.problems import HOUR, MINUTE, a_double_visit, a_line, a_problem, a_service, a_vehicle


def reasons(problem: Problem, sequences: dict[int, list[int]]) -> list[tuple[tuple[str, ...], bool]]:
    routes = time_routes(problem, sequences)
    assert routes is not None
    return [(left.rules, left.proven) for left in explain_unassigned(problem, routes)]


class TestExplain:
    def test_names_the_skill_nobody_holds(self) -> None:
        problem = a_problem([a_service(skills={"wound": 3})], [a_vehicle(skills={"wound": 2})])

        left = explain_unassigned(problem, ())[0]

        assert left.sentence == "no nurse on duty holds wound at grade 3"
        assert left.proven

    def test_names_two_rules_when_neither_alone_excludes_everybody(self) -> None:
        vehicles = [a_vehicle("able", skills={"x": 1}), a_vehicle("welcome")]
        problem = a_problem([a_service(skills={"x": 1}, allowed=frozenset({1}))], vehicles)

        assert reasons(problem, {}) == [(("allowed-nurses", "required-skills"), True)]

    def test_names_the_working_time_when_one_service_is_too_long_for_everybody(self) -> None:
        problem = a_problem(vehicles=[a_vehicle(max_work=5 * MINUTE)])

        assert reasons(problem, {}) == [(("working-time",), True)]

    def test_names_the_break_when_one_service_is_longer_than_anybody_may_work(self) -> None:
        problem = a_problem([a_service(duration=7 * HOUR)], [a_vehicle(breaks=WORKING_TIME_LAW)])

        # nobody interrupts a service to rest
        assert reasons(problem, {}) == [(("breaks",), True)]

    def test_names_the_break_when_nobody_has_time_for_it(self) -> None:
        # 5 h 50 of care and 10 minutes of way each way: 30 minutes are due in a shift of 6 h 39 or 6 h 40
        shifts = [TimeWindow(6 * HOUR, 12 * HOUR + minutes * MINUTE) for minutes in (39, 40)]
        service = a_service("a", 5, 350 * MINUTE)
        days = [
            a_problem([service], [a_vehicle(shift=s, breaks=WORKING_TIME_LAW)], travel=(a_line(6, 120),))
            for s in shifts
        ]

        assert reasons(days[0], {}) == [(("breaks",), True)]
        assert solve(days[1], iterations=20).unassigned == ()

    def test_does_not_call_a_break_proven_that_only_waiting_makes_due(self) -> None:
        # out from 6:00 on, she waits until 21:00 and may not: more than three breaks would be needed
        rule = BreakRule(longest_stretch=2 * HOUR)
        late = a_service("a", 1, windows=(TimeWindow(21 * HOUR, 21 * HOUR),))
        nurse = a_vehicle(shift=TimeWindow(6 * HOUR, 22 * HOUR), breaks=rule, leaves_at_once=True)

        assert reasons(a_problem([late], [nurse]), {}) == [(("breaks",), False)]

    def test_says_which_service_holds_its_visit_back(self) -> None:
        services = [a_service("a", visit="v"), a_service("b", visit="v", skills={"x": 1})]

        left = explain_unassigned(a_problem(services), ())[0]

        assert left.rules == ("whole-visits", "required-skills")
        assert "service b" in left.sentence

    def test_finds_windows_that_no_gap_can_bridge(self) -> None:
        services = [
            a_service("a", visit="v", windows=(TimeWindow(7 * HOUR, 8 * HOUR),)),
            a_service("b", visit="v", windows=(TimeWindow(10 * HOUR, 11 * HOUR),)),
        ]
        problem = a_problem(services, links=(Link(0, 1, 0, HOUR, Nurses.SAME),))

        assert reasons(problem, {}) == [(("whole-visits", "links"), True)] * 2

    def test_finds_that_no_nurse_can_do_both(self) -> None:
        services = [
            a_service("a", visit="v", allowed=frozenset({0})),
            a_service("b", visit="v", allowed=frozenset({1})),
        ]
        problem = a_problem(
            services, [a_vehicle("n"), a_vehicle("m")], links=(Link(0, 1, 0, None, Nurses.SAME),)
        )

        assert reasons(problem, {}) == [(("whole-visits", "links"), True)] * 2

    def test_names_the_window_when_the_only_nurse_is_elsewhere_then(self) -> None:
        at_eight = (TimeWindow(8 * HOUR, 8 * HOUR),)
        problem = a_problem([a_service("a", 1, windows=at_eight), a_service("b", 2, windows=at_eight)])

        assert reasons(problem, {0: [0]}) == [(("time-windows",), False)]

    def test_says_when_leaving_out_is_cheaper(self) -> None:
        problem = a_problem([a_service(penalty=100)])

        left = solve(problem, iterations=20).unassigned[0]

        # one minute out and one home: 120 points against 100
        assert left.rules == ("objective",)
        assert left.sentence == "its cheapest place costs 120 points more, leaving it out 100"

    def test_says_when_a_visit_fits_in_parts_only(self) -> None:
        services, link = a_double_visit(duration=HOUR)
        busy = [a_service("c", 1, 8 * HOUR - 2 * MINUTE)]
        problem = a_problem([*services, *busy], [a_vehicle("n"), a_vehicle("m")], links=(link,))

        assert reasons(problem, {1: [2]}) == [(("whole-visits",), False)] * 2

    def test_names_no_break_where_nobody_has_one(self) -> None:
        services = [a_service(f"s{n}", 0, 2 * HOUR) for n in range(5)]

        # eight hours of shift, five visits of two
        assert reasons(a_problem(services), {0: [0, 1, 2, 3]}) == [(("shifts",), False)]

    def test_says_who_is_full(self) -> None:
        services = [a_service("a", 0, 8 * HOUR), a_service("b", 0, HOUR, skills={"wound": 3})]
        problem = a_problem(services, [a_vehicle("able", skills={"wound": 3}), a_vehicle("other")])
        routes = time_routes(problem, {0: [0]})
        assert routes is not None

        left = explain_unassigned(problem, routes)[0]

        assert left.rules == ("shifts", "required-skills")
        assert left.sentence == (
            "every nurse who holds wound at grade 3 is full: "
            "wherever it is put into this plan, a nurse would be home after her shift"
        )

    def test_says_times_of_the_day(self) -> None:
        night = (TimeWindow(23 * HOUR, 23 * HOUR + 30 * MINUTE), TimeWindow(24 * HOUR, 24 * HOUR))
        problem = a_problem([a_service(windows=night)])

        assert explain_unassigned(problem, ())[0].sentence == (
            "no nurse on duty can start between 23:00 and 23:30 or at 00:00 (+1) "
            "and be home before her shift ends"
        )

    def test_names_each_rule_that_alone_would_do(self) -> None:
        problem = a_problem([a_service(skills={"x": 1}, allowed=frozenset())])

        assert explain_unassigned(problem, ())[0].sentence == (
            "no nurse on duty is allowed at this patient; apart from that, none holds x at grade 1"
        )
