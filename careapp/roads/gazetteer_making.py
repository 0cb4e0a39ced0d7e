"""Make the gazetteer of an extract, and ask it for addresses that the extract holds."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import thread_time

from careapp.demo.facts import Point
from careapp.errors import Invalid
from careapp.roads.addresses import Extract, Part, entries_of, read_extract
from careapp.roads.gazetteer_file import Tell, write_gazetteer
from careapp.roads.network import LABEL, is_synthetic
from careapp.roads.places import OPENSTREETMAP, FoundPlace, Geocoder, Precision

NEAR_KM = 0.05
"""A house found no farther away than this is the right one."""


class NoAddresses(Invalid):
    """An extract holds no house number, so a gazetteer cannot be tried on it."""


@dataclass(frozen=True)
class Trial:
    """How a gazetteer did with one way of writing.

    Attributes:
        form: How the addresses were written.
        asked: How many.
        houses: How often the first answer was the right house, within `NEAR_KM`.
        streets: How often the first answer was a street or house.
        mean_ms: Processor time of one answer.
        slowest_ms: Of the slowest.
    """

    form: str
    asked: int
    houses: int
    streets: int
    mean_ms: float
    slowest_ms: float


def make_gazetteer(extract_path: Path, path: Path, *, tell: Tell) -> tuple[Extract, Counter[str]]:
    """Make a gazetteer and put it in use; if it fails, the old one stays.

    Args:
        extract_path: `.osm.pbf` or `.osm`.
        path: The gazetteer's file.
        tell: Hears what is being done and how far it is.

    Returns:
        What the extract holds, and how many entries of each precision there are.

    Raises:
        DamagedExtract: The extract cannot be read.
        NothingToFind: It holds no names.
        NoPbfHere: pyosmium is not installed.
    """
    extract = read_extract(extract_path, tell=tell)
    synthetic = is_synthetic(extract_path)
    tell("sorting addresses", 0.6)
    entries = entries_of(extract)
    tell("writing", 0.8)
    counts = write_gazetteer(
        path, entries, attribution=LABEL if synthetic else OPENSTREETMAP, synthetic=synthetic
    )
    return extract, counts


def try_gazetteer(geocoder: Geocoder, extract: Extract, *, count: int, seed: int) -> list[Trial]:
    """Ask for addresses of the extract, drawn at random, in several ways of writing.

    Raises:
        NoAddresses: The extract holds none.
    """
    houses = [part for part in extract.parts if part.number is not None]
    if not houses:
        raise NoAddresses("the extract holds no house number: try one with addresses")
    random = Random(seed)  # noqa: S311 -- a trial must repeat
    drawn = random.sample(houses, min(count, len(houses)))
    return [_trial(geocoder, drawn, form, write, random) for form, write in _FORMS]


def _trial(geocoder: Geocoder, houses: Sequence[Part], form: str, write: "_Write", random: Random) -> Trial:
    right, streets, times = 0, 0, []
    for house in houses:
        query = write(house, random)
        began = thread_time()
        answers = geocoder.search(query, limit=5)
        times.append(1000 * (thread_time() - began))
        if answers:
            right += _is_right(answers[0], house)
            streets += answers[0].street is not None
    return Trial(form, len(houses), right, streets, sum(times) / len(times), max(times))


def _is_right(answer: FoundPlace, house: Part) -> bool:
    here = Point(answer.place.latitude, answer.place.longitude)
    return answer.precision is Precision.HOUSE and here.kilometres_to(Point(*house.at)) <= NEAR_KM


def _door(house: Part) -> str:
    return f"{house.street} {house.number}"


def _town(house: Part) -> str:
    return " ".join(filter(None, (house.postal_code, house.city)))


def _whole(house: Part, _random: Random) -> str:
    return ", ".join(filter(None, (_door(house), _town(house))))


def _town_first(house: Part, _random: Random) -> str:
    return f"{_town(house)} {_door(house)}".strip()


def _door_only(house: Part, _random: Random) -> str:
    return _door(house)


def _other_spelling(house: Part, random: Random) -> str:
    text = _whole(house, random).replace("straße", "str.").replace("Straße", "Str.")
    for letter, pair in (
        ("ä", "ae"),
        ("ö", "oe"),
        ("ü", "ue"),
        ("ß", "ss"),
        ("Ä", "Ae"),
        ("Ö", "Oe"),
        ("Ü", "Ue"),
    ):
        text = text.replace(letter, pair)
    return text.lower()


def _mistyped(house: Part, random: Random, change: Callable[[str, str, Random], str]) -> str:
    """Change one letter of the text, or a letter and the one after it."""
    text = _whole(house, random)
    at = random.choice([number for number in range(len(text) - 1) if text[number : number + 2].isalpha()])
    return text[:at] + change(text[at], text[at + 1], random) + text[at + 2 :]


def _dropped(house: Part, random: Random) -> str:
    return _mistyped(house, random, lambda _first, second, _random: second)


def _wrong(house: Part, random: Random) -> str:
    return _mistyped(
        house, random, lambda _, second, random: random.choice("abcdefghijklmnoprstuvwz") + second
    )


def _swapped(house: Part, random: Random) -> str:
    return _mistyped(house, random, lambda first, second, _random: second + first)


_Write = Callable[[Part, Random], str]
_FORMS: tuple[tuple[str, _Write], ...] = (
    ("as in the extract", _whole),
    ("town first", _town_first),
    ("Str., ae, small letters", _other_spelling),
    ("one letter dropped", _dropped),
    ("one letter wrong", _wrong),
    ("two letters swapped", _swapped),
    ("without the town", _door_only),
)


def lines_of(trials: Sequence[Trial]) -> Iterator[str]:
    """Yield a table of trials, to be printed."""
    yield f"{'written':<24} {'asked':>5} {'house':>7} {'street':>7} {'mean ms':>8} {'max ms':>7}"
    for trial in trials:
        shares = (100 * trial.houses / trial.asked, 100 * trial.streets / trial.asked)
        yield (
            f"{trial.form:<24} {trial.asked:>5} {shares[0]:>6.1f}% {shares[1]:>6.1f}% "
            f"{trial.mean_ms:>8.2f} {trial.slowest_ms:>7.2f}"
        )
