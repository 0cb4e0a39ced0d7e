"""Reading JSON strictly."""

from copy import deepcopy

import pytest

from fhir.formats.json import MOST_DEPTH, read_json, write_json
from fhir.issues import Malformed


def refused(body: bytes) -> Malformed:
    with pytest.raises(Malformed) as raised:
        read_json(body)
    return raised.value


class TestReadJson:
    def test_returns_the_resource(self):
        assert read_json(b'{"resourceType": "Slot", "status": "free"}') == {
            "resourceType": "Slot",
            "status": "free",
        }

    @pytest.mark.parametrize(
        "body", [b"{", b"nonsense", b'{"a": NaN}', b'{"a": 1e400}', b'{"a": "\xff"}', b'{"a": "\\ud800"}']
    )
    def test_tells_where_it_is_no_json(self, body):
        (issue,) = refused(body).issues

        assert issue.severity == "fatal"
        assert "line 1, column" in issue.sentence

    @pytest.mark.parametrize("body", [b"[]", b"1", b"null", b"{}", b'{"resourceType": 1}'])
    def test_refuses_what_is_no_resource(self, body):
        assert "resourceType" in str(refused(body))

    @pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 5000 + b"1" + b"}" * 5000])
    def test_refuses_endless_nesting(self, body):
        refused(body)

    def test_refuses_one_level_more_than_is_allowed(self):
        def nested(levels: int) -> bytes:
            # The resource itself is the first level.
            return b'{"resourceType":"Slot","a":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"

        assert read_json(nested(MOST_DEPTH))
        assert refused(nested(MOST_DEPTH + 1)).issues[0].code == "too-costly"

    def test_refuses_more_values_than_memory_holds(self):
        assert refused(b"[" + b"[]," * 5_000_000 + b"[]]").issues[0].code == "too-costly"

    @pytest.mark.parametrize(
        "body",
        [
            b'{"resourceType":"Slot","status":"free","status":"busy"}',
            b'{"resourceType":"Slot","a":[{"b":1,"b":1}]}',
            b'{"resourceType":"Slot","a":1,"\\u0061":2}',
        ],
    )
    def test_refuses_a_name_that_stands_twice(self, body):
        assert "twice" in str(refused(body))

    @pytest.mark.parametrize("letter", ["\\u0000", "\\b", "\\f", "\\u001F", "\\uFFFE", "￿"])
    def test_names_the_element_with_a_control_character(self, letter):
        body = b'{"resourceType":"Patient","name":[{"given":["A","B%s"]}]}' % letter.encode()

        (issue,) = refused(body).issues

        assert issue.expression == "Patient.name[0].given[1]"

    @pytest.mark.parametrize("letter", ["\\n", "\\t", "\\r", "\\\\u0000", "\\u0041", "ü", "🩺"])
    def test_takes_every_other_character(self, letter):
        assert read_json(b'{"resourceType":"Patient","id":"%s"}' % letter.encode())

    @pytest.mark.parametrize("digits", ["1", "-0.5", "1.10", "1e3", "-0.0", "9" * 25, "0.1" + "0" * 30, "-1"])
    def test_keeps_numbers_as_they_were_written(self, digits):
        body = b'{"resourceType":"Observation","value":%s}' % digits.encode()

        assert write_json(read_json(body)) == body

    def test_keeps_them_in_a_copy(self):
        document = deepcopy(read_json(b'{"resourceType":"Observation","value":1.10}'))

        assert write_json(document).endswith(b":1.10}")

    def test_refuses_a_number_of_endless_digits(self):
        refused(b'{"resourceType":"Observation","value":%s}' % (b"9" * 5000))
