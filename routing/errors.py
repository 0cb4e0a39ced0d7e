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


class TravelError(RoutingError):
    """Travel times cannot be had; the message says what to do."""


class TravelUnavailable(TravelError):
    """The engine does not answer, died or took too long, also when asked again."""


class TravelNonsense(TravelError):
    """The engine's answer cannot be meant: wrong shape, negative, not a number, or for another region."""


class TravelCancelled(TravelError):
    """Whoever asked no longer wants to know."""


class NoPath(TravelError):
    """No road leads from one place to the next; the message names them by number."""
