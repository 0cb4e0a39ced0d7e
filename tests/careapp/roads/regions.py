"""Small parts of the demo region, so that tests are quick."""

from careapp.demo.facts import Facts, read_facts


def part_of_the_region(*municipalities: str) -> Facts:
    """Return the facts of some municipalities, by name."""
    facts = read_facts()
    return Facts(
        tuple(town for town in facts.municipalities if town.name in municipalities),
        tuple(stop for stop in facts.stops if stop.settlement.municipality.name in municipalities),
    )
