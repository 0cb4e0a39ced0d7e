"""Only a nurse with all of a service's skills may do it."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from routing.plan import Plan, Violation
from routing.problem import Problem, Service, Vehicle


class RequiredSkills:
    """A vehicle may do a service if it holds each of its skills at the grade asked, or higher."""

    name = "required-skills"

    def allowed(self, problem: Problem) -> NDArray[np.bool_]:
        """Which vehicle may do which service, shape (services, vehicles)."""
        may = np.ones((len(problem.services), len(problem.vehicles)), dtype=np.bool_)
        for skill in {skill for service in problem.services for skill in service.skills}:
            asked = np.array([service.skills.get(skill, -1) for service in problem.services])
            held = np.array([vehicle.skills.get(skill, -1) for vehicle in problem.vehicles])
            may &= asked[:, None] <= held[None, :]
        return may

    def asks(self, problem: Problem, service: int) -> str:
        """Say what the rule asks of a nurse for a service, to follow "no nurse ..."."""
        skills = problem.services[service].skills
        return "holds " + ", ".join(f"{skill} at grade {skills[skill]}" for skill in sorted(skills))

    def violations(self, problem: Problem, plan: Plan) -> Iterator[Violation]:
        """Yield each stop whose nurse lacks a skill, naming what is missing."""
        for vehicle_number, stop in plan.stops():
            service, vehicle = problem.services[stop.service], problem.vehicles[vehicle_number]
            missing = missing_skills(service, vehicle)
            if missing:
                sentence = f"nurse {vehicle.id} lacks {', '.join(missing)} for service {service.id}"
                yield Violation(self.name, sentence, stop.service, vehicle_number)


def missing_skills(service: Service, vehicle: Vehicle) -> list[str]:
    """Return the skills the vehicle lacks, with the grade the service asks for."""
    return sorted(
        f"{skill} (grade {grade})"
        for skill, grade in service.skills.items()
        if skill not in vehicle.skills or vehicle.skills[skill] < grade
    )
