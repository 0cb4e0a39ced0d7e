"""One spelling for addresses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careapp.roads.spelling import key_of, likeness, numbers_of, words_of


class TestWordsOf:
    @pytest.mark.parametrize(
        "text",
        ["Grüner-Weg-Straße 12a", "gruener weg str. 12 a", "GRÜNER WEGSTR. 12A", "Grüner Weg Strasse  12 A"],
    )
    def test_writes_all_spellings_alike(self, text):
        assert "".join(words_of(text)) == "gruenerwegstrasse12a"

    def test_keeps_numbers_and_postal_codes_as_words(self):
        assert words_of("St.-Georg-Str. 5-7, 36251 Bad Hersfeld") == (
            ["sankt", "georg", "strasse", "5-7", "36251", "bad", "hersfeld"]
        )

    def test_takes_accents_away(self):
        assert words_of("Café-Rue André") == ["cafe", "rue", "andre"]

    @given(st.text(max_size=60))
    def test_gives_words_that_stay_as_they_are(self, text):
        words = words_of(text)

        assert words_of(" ".join(words)) == words


class TestNumbersOf:
    @pytest.mark.parametrize(
        ("sign", "numbers"),
        [
            ("12", ["12"]),
            ("12 A", ["12a"]),
            ("12a-14", ["12a-14", "12a", "14"]),
            ("3;5", ["3", "5"]),
            ("7/9", ["7/9", "7", "9"]),
            ("Hof", []),
        ],
    )
    def test_tells_each_door_behind_a_sign(self, sign, numbers):
        assert numbers_of(sign) == numbers


class TestLikeness:
    @pytest.mark.parametrize(
        "typed", ["lindnweg", "lindenwwg", "lindenwge", "ilndenweg", "lindenweg", "liindenweg", "lindemweg"]
    )
    def test_is_high_for_one_slip(self, typed):
        assert likeness(typed, "lindenweg") > 0.9

    @pytest.mark.parametrize(
        ("typed", "meant"), [("Grölitzer", "Görlitzer"), ("Straeß", "Straße"), ("Koln", "Köln")]
    )
    def test_counts_an_umlaut_as_one_letter(self, typed, meant):
        assert likeness(key_of(typed), key_of(meant)) > 0.8

    @pytest.mark.parametrize(
        ("typed", "other"), [("12", "13"), ("36251", "36252"), ("am", "im"), ("nukenweg", "nelkenweg")]
    )
    def test_is_low_for_something_else(self, typed, other):
        assert likeness(typed, other) < 0.9

    @given(st.text("abcde", min_size=1, max_size=12), st.text("abcde", min_size=1, max_size=12))
    def test_lies_between_0_and_1_and_is_1_only_for_the_same(self, asked, known):
        alike = likeness(asked, known)

        assert 0 <= alike <= 1
        assert (alike == 1) == (asked == known)
