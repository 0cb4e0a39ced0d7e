"""By which name a browser that came by a link shows its seat."""

SEAT_COOKIE = "__Host-careapp-call"
