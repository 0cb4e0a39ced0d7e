"""Home-care days for comparing planners."""

import json
from pathlib import Path

import pytest

from routing.formats import InvalidAnswer, InvalidFile
from routing.formats.homecare import from_homecare, read_homecare, sequences_from_homecare
from tests.routing.formats.days import Json, a_homecare_day

SHARED = Path(__file__).parents[4] / "shared" / "homecare"


class TestHomecare:
    @pytest.mark.parametrize(
        "answer",
        [{"routes": [[0, [77]]]}, {"routes": [[77, [0]]]}, {"routes": [[0, [0]], [0, [1]]]}],
    )
    def test_refuses_an_answer_about_strangers(self, answer: Json) -> None:
        with pytest.raises(InvalidAnswer, match=r"77|two routes"):
            sequences_from_homecare(a_homecare_day(), answer)

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            ({"routes": 1}, "routes: expected a list of pairs"),
            ({"routes": [[0]]}, r"routes\[0\]: expected a nurse and a list"),
            ({"routes": [[0, [[]]]]}, r"routes\[0\]: ids are numbers or texts"),
        ],
    )
    def test_refuses_an_answer_of_another_shape(self, answer: Json, words: str) -> None:
        with pytest.raises(InvalidFile, match=words):
            read_homecare(json.dumps(a_homecare_day())).plan(json.dumps(answer))

    @pytest.mark.parametrize(
        ("place", "key", "value", "words"),
        [
            ("visits", "service", -5, r"visits\[0\].service: -5 is not within 0"),
            ("visits", "tw", [5, 3], r"visits\[0\].tw: expected two rising"),
            ("visits", "lat", 91, r"visits\[0\].lat: 91 is not within -90 to 90"),
            ("visits", "id", None, r"visits\[0\].id: is missing"),
            ("visits", "id", [1], r"visits\[0\].id: expected a number or a text"),
            ("nurses", "max_shift", "8 h", r"nurses\[0\].max_shift: expected a number, not a text"),
            ("nurses", "break_len", 0, r"nurses\[0\].break_len: 0 is not within 1"),
        ],
    )
    def test_refuses_a_day_with_key_and_reason(self, place: str, key: str, value: object, words: str) -> None:
        day = a_homecare_day()
        day[place][0][key] = value

        with pytest.raises(InvalidFile, match=words):
            read_homecare(json.dumps(day), breaks=True)

    def test_reads_the_days_others_planned(self) -> None:
        for file in sorted(SHARED.glob("hc100_*.json")):
            problem = from_homecare(json.loads(file.read_text(encoding="utf-8")), breaks=True)

            assert len(problem.services) == 100
            assert len(problem.vehicles) == 9
