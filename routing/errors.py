"""What can be wrong with a problem before anybody plans it."""


class RoutingError(Exception):
    """The base of all errors that `routing` raises on purpose."""


class InvalidProblem(RoutingError):
    """The problem contradicts itself; the message names the service, vehicle or pair of places."""


class InvalidService(InvalidProblem):
    """A service cannot be meant as it stands."""


class InvalidVehicle(InvalidProblem):
    """A vehicle cannot be meant as it stands."""


class InvalidLink(InvalidProblem):
    """A link ties services that do not exist, or asks for an impossible gap."""


class InvalidTravel(InvalidProblem):
    """A travel matrix has holes, is not square or does not belong to this problem."""


class InvalidWeights(InvalidProblem):
    """A weight of the objective is negative."""


class InvalidPlan(RoutingError):
    """A plan to begin with does not belong to the problem."""
