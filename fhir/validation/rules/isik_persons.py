"""Rules of gematik's ISiK Basismodul for people, for resources that claim its profiles."""

from collections.abc import Iterator

from fhir.issues import Issue
from fhir.mapping import codes
from fhir.mapping.elements import Json
from fhir.validation.reading import broken, codings, extensions, part, parts, text
from fhir.validation.rules.german import GENDER_EXTENSION
from fhir.validation.rules.isik import missing

RECORD_NUMBER = "MR"


def patient(node: Json, path: str) -> Iterator[Issue]:
    """ISiKPatient: a hospital's number, an official name, gender, birth date."""
    profile = "ISiKPatient"
    yield from missing(profile, node, path, "identifier", "name", "gender")
    if not ("birthDate" in node or "_birthDate" in node):
        yield from missing(profile, node, path, "birthDate")
    numbers = [
        each
        for each, _ in parts(node, "identifier")
        if any(coding.get("code") == RECORD_NUMBER for coding in codings(each, "type"))
    ]
    if not any("system" in each and "value" in each for each in numbers):
        sentence = f"{profile}: one identifier is of type {RECORD_NUMBER}, with system and value"
        yield Issue("required", sentence, f"{path}.identifier")
    for each, here in parts(node, "identifier", path):
        if each.get("system") == codes.KVNR:
            yield from missing(profile, each, here, "type")
    yield from _names(profile, node, path)
    yield from _contacts(profile, node, path)
    if node.get("gender") == "other" and not extensions(part(node, "_gender"), GENDER_EXTENSION):
        sentence = "the gender other is told apart by the extension gender-amtlich-de"
        yield broken("isik-pat-1", sentence, f"{path}.gender")


def practitioner(node: Json, path: str) -> Iterator[Issue]:
    """ISiKPersonImGesundheitsberuf: a number and an official name."""
    profile = "ISiKPersonImGesundheitsberuf"
    yield from missing(profile, node, path, "identifier", "name")
    yield from _names(profile, node, path)
    yield from _contacts(profile, node, path)


def related_person(node: Json, path: str) -> Iterator[Issue]:
    """ISiKAngehoeriger: whose relative, and one name."""
    profile = "ISiKAngehoeriger"
    yield from missing(profile, part(node, "patient"), f"{path}.patient", "reference")
    yield from missing(profile, node, path, "name")
    yield from _contacts(profile, node, path)
    if node.get("gender") == "other" and not extensions(part(node, "_gender"), GENDER_EXTENSION):
        sentence = "the gender other is told apart by the extension gender-amtlich-de"
        yield broken("relatedp-de-1", sentence, f"{path}.gender")


def _names(profile: str, node: Json, path: str) -> Iterator[Issue]:
    uses = [each.get("use") for each, _ in parts(node, "name")]
    if uses.count("official") != 1:
        yield Issue("required", f"{profile}: exactly one name is of use official", f"{path}.name")
    for each, here in parts(node, "name", path):
        if each.get("use") == "official":
            yield from missing(profile, each, here, "family", "given")
        elif each.get("use") == "maiden":
            yield from missing(profile, each, here, "family")
            for name in ("given", "prefix"):
                if name in each:
                    sentence = f"{profile}: a name at birth is a family name alone"
                    yield Issue("business-rule", sentence, f"{here}.{name}")


def _contacts(profile: str, node: Json, path: str) -> Iterator[Issue]:
    for each, here in parts(node, "telecom", path):
        yield from missing(profile, each, here, "system", "value")
    for each, here in parts(node, "address", path):
        if text(each, "type") in {"both", "postal"}:
            yield from missing(profile, each, here, "line", "city", "postalCode", "country")
