"""Linked services keep their gap, and their nurses."""

from collections.abc import Iterator

from routing.plan import Plan, Violation
from routing.problem import Nurses, Problem


class Links:
    """Double visits start together with two nurses; other pairs keep a gap between their starts."""

    name = "links"

    def violations(self, problem: Problem, plan: Plan) -> Iterator[Violation]:
        """Yield each link whose two services are planned at the wrong distance or by the wrong nurses."""
        placed = plan.placed()
        for link in problem.links:
            if link.first not in placed or link.second not in placed:
                continue
            first_vehicle, first = placed[link.first]
            second_vehicle, second = placed[link.second]
            names = f"services {problem.services[link.first].id} and {problem.services[link.second].id}"
            gap = second.start - first.start
            if gap < link.min_gap or (link.max_gap is not None and gap > link.max_gap):
                most = "any" if link.max_gap is None else link.max_gap
                sentence = f"{names} start {gap} s apart; {link.min_gap} to {most} s are asked"
                yield Violation(self.name, sentence, link.second, second_vehicle)
            nurses = {problem.vehicles[vehicle].nurse for vehicle in (first_vehicle, second_vehicle)}
            if link.nurses is Nurses.SAME and len(nurses) > 1:
                yield Violation(self.name, f"{names} need the same nurse", link.second, second_vehicle)
            if link.nurses is Nurses.DIFFERENT and len(nurses) == 1:
                yield Violation(self.name, f"{names} need two nurses", link.second, second_vehicle)
