"""Rules of the German base profiles (de.basisprofil.r4): identifiers, addresses, the official gender.

Patterns refuse; check digits only warn, since test data of official suites fail them.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from zoneinfo import available_timezones

from fhir.issues import Issue
from fhir.mapping import codes
from fhir.mapping.elements import Json
from fhir.validation.reading import broken, extensions, part, parts, text, texts

GENDER_EXTENSION = "http://fhir.de/StructureDefinition/gender-amtlich-de"
TIME_ZONE_EXTENSIONS = frozenset(
    {"http://hl7.org/fhir/StructureDefinition/timezone", "http://hl7.org/fhir/StructureDefinition/tz-code"}
)
MOST_LINES = 3


@dataclass(frozen=True)
class Numbers:
    """How the numbers of a system are made.

    Attributes:
        name: What people call them.
        pattern: All of them match.
        shape: The pattern in words.
        is_consistent: Tells whether the check digit fits.
    """

    name: str
    pattern: re.Pattern[str]
    shape: str
    is_consistent: Callable[[str], bool] = bool


def _digit_sum(number: int) -> int:
    return number // 10 + number % 10


def _insurance_digit_fits(value: str) -> bool:
    """The letter counts as two digits; weights 1 and 2 in turn, digit sums, modulo 10 (SGB V § 290)."""
    digits = [int(digit) for digit in f"{ord(value[0]) - ord('A') + 1:02}{value[1:9]}"]
    return sum(_digit_sum(digit * (1, 2)[place % 2]) for place, digit in enumerate(digits)) % 10 == int(
        value[9]
    )


def _institution_digit_fits(value: str) -> bool:
    """Digits 3 to 8 with weights 2 and 1 in turn, digit sums, modulo 10; eight digits have no check digit."""
    if len(value) == 8:
        return True
    digits = [int(digit) for digit in value[2:8]]
    return sum(_digit_sum(digit * (2, 1)[place % 2]) for place, digit in enumerate(digits)) % 10 == int(
        value[8]
    )


def _doctor_digit_fits(value: str) -> bool:
    """Digits 1 to 6 with weights 4 and 9 in turn; the seventh fills up to ten (KBV's rule)."""
    digits = [int(digit) for digit in value[:6]]
    total = sum(digit * (4, 9)[place % 2] for place, digit in enumerate(digits))
    return (10 - total % 10) % 10 == int(value[6])


INSURED = Numbers(
    "KVNR", re.compile(r"[A-Z][0-9]{9}"), "a capital letter and nine digits", _insurance_digit_fits
)
NUMBERS: Mapping[str, Numbers] = {
    codes.KVNR: INSURED,
    "http://fhir.de/sid/pkv/kvid-10": INSURED,
    "http://fhir.de/sid/arge-ik/iknr": Numbers(
        "IKNR", re.compile(r"[0-9]{8,9}"), "eight or nine digits", _institution_digit_fits
    ),
    "https://fhir.kbv.de/NamingSystem/KBV_NS_Base_ANR": Numbers(
        "LANR", re.compile(r"[0-9]{9}"), "nine digits", _doctor_digit_fits
    ),
    "https://fhir.kbv.de/NamingSystem/KBV_NS_Base_BSNR": Numbers(
        "BSNR", re.compile(r"[0-9]{9}"), "nine digits"
    ),
    "http://fhir.de/sid/bundesaerztekammer/efn": Numbers("EFN", re.compile(r"[0-9]{15}"), "fifteen digits"),
    "https://gematik.de/fhir/sid/telematik-id": Numbers(
        "Telematik-ID", re.compile(r"[0-9]{1,2}-[!-~]{1,125}"), "one or two digits, a hyphen and the number"
    ),
}
"""By system of the identifier."""


def identifier(node: Json, path: str) -> Iterator[Issue]:
    """kvid-1, ik-1, lanr-1 and their like: a number looks like those of its system."""
    numbers, value = NUMBERS.get(text(node, "system") or ""), text(node, "value")
    if numbers is None or value is None:
        return
    here = f"{path}.value"
    if numbers.pattern.fullmatch(value) is None:
        yield Issue("value", f"a {numbers.name} is {numbers.shape}", here)
    elif not numbers.is_consistent(value):
        sentence = f"the check digit of this {numbers.name} does not fit: look for a slip"
        yield Issue("value", sentence, here, "warning")


def address(node: Json, path: str) -> Iterator[Issue]:
    """add-1 to add-7 of http://fhir.de/StructureDefinition/address-de-basis."""
    twins = node.get("_line")
    for place, twin in enumerate(twins if isinstance(twins, list) else []):
        if isinstance(twin, dict):
            yield from _line(node, twin, place, path)
    for precinct in extensions(node, codes.ADXP + "precinct"):
        if text(precinct, "valueString") not in texts(node, "line"):
            yield broken("add-7", "a precinct stands in a line of its own, too", f"{path}.line", "warning")
    if text(node, "country") in {"DE", "DEU"}:
        if "district" in node:
            sentence = "a German address has its precinct in an extension, and no district"
            yield Issue("business-rule", sentence, f"{path}.district", "warning")
        if len(texts(node, "line")) > MOST_LINES:
            sentence = f"a German address has at most {MOST_LINES} lines"
            yield Issue("business-rule", sentence, f"{path}.line", "warning")


def _line(node: Json, twin: Json, place: int, path: str) -> Iterator[Issue]:
    """Judge the parts into which one line of an address is taken apart."""
    lines = node.get("line")
    has_line = isinstance(lines, list) and place < len(lines) and lines[place] is not None
    here = f"{path}.line[{place}]"
    for key, name in _LINE_PARTS:
        if extensions(twin, codes.ADXP + name) and not has_line:
            yield broken(key, f"{name} stands in its line of the address, too", here)
    if extensions(twin, codes.ADXP + "postBox"):
        if any(extensions(twin, codes.ADXP + name) for name in ("streetName", "houseNumber")):
            yield broken("add-6", "a post box has no street and number", here, "warning")
        if text(node, "type") in {"physical", "both"}:
            sentence = "nobody lives in a post box: its address is of type postal"
            yield broken("add-4", sentence, f"{path}.type", "warning")


_LINE_PARTS = (
    ("add-1", "houseNumber"),
    ("add-2", "streetName"),
    ("add-3", "postBox"),
    ("add-5", "additionalLocator"),
)


def official_gender(node: Json, path: str) -> Iterator[Issue]:
    """gender-amtlich-1: only `other` is told apart further, as D or X."""
    for each in extensions(part(node, "_gender"), GENDER_EXTENSION):
        if node.get("gender") != "other":
            yield broken("gender-amtlich-1", "only the gender other is told apart further", f"{path}.gender")
        if text(part(each, "valueCoding"), "code") not in {"D", "X"}:
            yield Issue("code-invalid", "the official gender is D or X", f"{path}.gender.extension")


def extension(node: Json, path: str) -> Iterator[Issue]:
    """A time zone is one of the IANA data base."""
    if text(node, "url") in TIME_ZONE_EXTENSIONS and text(node, "valueCode") not in _time_zones():
        yield Issue("code-invalid", "is no time zone, such as Europe/Berlin", f"{path}.value")


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def human_name(node: Json, path: str) -> Iterator[Issue]:
    """hum-1 to hum-4: parts of a name that are told apart stand in the name itself, too."""
    twin = part(node, "_family")
    for key, address_of_part in _NAME_PARTS:
        if extensions(twin, address_of_part) and "family" not in node:
            yield broken(key, "a part of the family name stands in family, too", f"{path}.family")
    prefixes = node.get("prefix")
    for place, (marked, _) in enumerate(parts(node, "_prefix")):
        has_prefix = isinstance(prefixes, list) and place < len(prefixes) and prefixes[place] is not None
        if extensions(marked, codes.NAME_QUALIFIER) and not has_prefix:
            yield broken("hum-4", "a marked prefix is written out, too", f"{path}.prefix[{place}]")


_NAME_PARTS = (
    ("hum-1", "http://fhir.de/StructureDefinition/humanname-namenszusatz"),
    ("hum-2", "http://hl7.org/fhir/StructureDefinition/humanname-own-name"),
    ("hum-3", "http://hl7.org/fhir/StructureDefinition/humanname-own-prefix"),
)
