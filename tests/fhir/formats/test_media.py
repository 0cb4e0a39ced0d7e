"""Which format a client wants, and which one it sent."""

import pytest

from fhir.formats.media import Format, NotAcceptable, UnsupportedMediaType, choose, read_as


class TestChoose:
    @pytest.mark.parametrize(
        ("accept", "chosen"),
        [
            (None, Format.JSON),
            ("", Format.JSON),
            ("*/*", Format.JSON),
            ("text/html, */*;q=0.1", Format.JSON),
            ("application/json", Format.JSON),
            ('application/fhir+json; fhirVersion="4.0"', Format.JSON),
            ("application/fhir+json;fhirVersion=4.0.1;charset=utf-8", Format.JSON),
        ],
    )
    def test_follows_the_header(self, accept, chosen):
        assert choose([], accept) is chosen

    @pytest.mark.parametrize(
        "accept",
        [
            "text/html",
            "application/fhir+json;q=0",
            "application/fhir+json;q=0, */*;q=0",
            "application/fhir+json;fhirVersion=5.0",
            "application/fhir+json;fhirVersion=3.0, application/fhir+xml;fhirVersion=3.0",
            "application/fhir+json;q=much",
            "image/*",
        ],
    )
    def test_refuses_what_is_not_written_here(self, accept):
        with pytest.raises(NotAcceptable):
            choose([], accept)

    @pytest.mark.parametrize("name", ["json", "application/fhir+json", "application/fhir json", "JSON"])
    def test_lets_the_address_win(self, name):
        assert choose([name], "text/html") is Format.JSON

    def test_takes_the_first_of_several_in_the_address(self):
        assert choose(["", "json", "html"], None) is Format.JSON

    def test_refuses_an_unknown_name_in_the_address(self):
        with pytest.raises(NotAcceptable):
            choose(["html"], "application/fhir+json")


class TestReadAs:
    @pytest.mark.parametrize(
        "content_type",
        ["application/fhir+json", "application/json; charset=UTF-8", "application/fhir+json;fhirVersion=4.0"],
    )
    def test_tells_json(self, content_type):
        assert read_as(content_type) is Format.JSON

    @pytest.mark.parametrize(
        "content_type",
        [
            None,
            "",
            "json",
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/fhir+json; fhirVersion=3.0",
            "application/fhir+json; charset=latin-1",
        ],
    )
    def test_refuses_what_is_not_read_here(self, content_type):
        with pytest.raises(UnsupportedMediaType):
            read_as(content_type)
