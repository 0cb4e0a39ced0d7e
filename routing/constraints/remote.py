"""What is done from afar takes place while somebody is there."""

from collections.abc import Iterator

from routing.plan import Plan, Violation
from routing.problem import Problem


class RemoteParts:
    """A remote part begins and ends during the service that it is inside of, which another nurse does."""

    name = "remote-parts"

    def violations(self, problem: Problem, plan: Plan) -> Iterator[Violation]:
        """Yield each part without its service beside it."""
        placed = plan.placed()
        for number, (vehicle, part) in sorted(placed.items()):
            inside = problem.services[number].inside
            if inside is None:
                continue
            name, whole = problem.services[number].id, problem.services[inside].id
            if inside not in placed:
                yield Violation(self.name, f"{name} has nobody at the patient's home", number, vehicle)
                continue
            other, stop = placed[inside]
            if not stop.start <= part.start <= part.end <= stop.end:
                sentence = (
                    f"{name} lasts from {part.start} to {part.end}, {whole} from {stop.start} to {stop.end}"
                )
                yield Violation(self.name, sentence, number, vehicle)
            if problem.vehicles[vehicle].nurse == problem.vehicles[other].nurse:
                sentence = f"{problem.vehicles[vehicle].nurse} cannot be at {name} and at {whole} at once"
                yield Violation(self.name, sentence, number, vehicle)
