"""Invented people: names drawn at random, numbers that nobody holds."""

import csv
from functools import cache
from importlib.resources import files
from random import Random

from careapp.people.models import Gender

_PHONE_NUMBERS = 1000
_HOUSE_NUMBERS = range(1, 60)


def a_family_name(random: Random) -> str:
    """Draw a family name."""
    return random.choice(_names()["family"])


def an_old_given_name(random: Random, gender: Gender) -> str:
    """Draw a woman's or man's given name that was common between 1930 and 1960."""
    return random.choice(_names()[f"old-{gender.value}"])


def a_given_name(random: Random, gender: Gender) -> str:
    """Draw a given name of a woman or man who works."""
    return random.choice(_names()[gender.value])


def an_address(random: Random) -> tuple[str, str]:
    """Draw a street and a house number; the street need not exist where the home is."""
    return random.choice(_names()["street"]), str(random.choice(_HOUSE_NUMBERS))


def street_names() -> list[str]:
    """Return the streets that addresses are drawn from."""
    return list(_names()["street"])


def a_phone_number(random: Random) -> str:
    """Draw a number that the Bundesnetzagentur keeps free for films and books (Mitteilung 148/2021)."""
    return f"0221 4710{random.randrange(_PHONE_NUMBERS):03d}"


def an_insurance_number(number: int) -> str:
    """Return a number in the form of a Krankenversichertennummer that is invented at a glance."""
    return f"X{number:09d}"


@cache
def _names() -> dict[str, list[str]]:
    text = (files("careapp.demo") / "names.csv").read_text(encoding="utf-8")
    names: dict[str, list[str]] = {}
    for row in csv.DictReader(text.splitlines()):
        names.setdefault(row["kind"], []).append(row["name"])
    return names
