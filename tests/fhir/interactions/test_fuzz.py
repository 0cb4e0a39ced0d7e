"""Whatever stands in a bundle is answered, or refused with its place; of what is refused nothing is left."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir.interactions.work import EntryRefused
from fhir.issues import Rejected
from tests.fhir.interactions.conftest import Server, a_document

JUNK = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.just([]), st.just({}))
NAMES = st.sampled_from(
    ["urn:uuid:1", "urn:uuid:2", "urn:uuid:3", "Patient/1", "Patient?family=sommer", "#x"]
)
ADDRESSES = st.one_of(
    st.sampled_from(
        [
            "Patient",
            "Patient/1",
            "Patient?family=sommer",
            "Patient?",
            "Patient/_history",
            "Patient/1/_history/1",
            "Appointment/$book",
            "$export",
            "Dragon",
            "List",
            "/",
            "?",
            "https://care.example/fhir/Patient",
            "urn:uuid:1",
            "metadata",
        ]
    ),
    st.text(max_size=8),
)
RESOURCES = st.one_of(
    NAMES.map(lambda name: a_document(link=[{"other": {"reference": name}, "type": "seealso"}])),
    st.builds(a_document),
    st.just({"resourceType": "Parameters", "parameter": []}),
    st.just({"resourceType": "Binary", "contentType": "application/json-patch+json", "data": "W10="}),
    st.dictionaries(st.sampled_from(["resourceType", "id", "link", "name", "text"]), JUNK),
    JUNK,
)
TAGS = st.one_of(st.sampled_from(['W/"1"', "*", "1", "x"]), JUNK)
REQUESTS = st.one_of(
    st.fixed_dictionaries(
        {
            "method": st.one_of(st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]), JUNK),
            "url": st.one_of(ADDRESSES, JUNK),
        },
        optional={"ifMatch": TAGS, "ifNoneMatch": TAGS, "ifNoneExist": st.one_of(st.just("_id=1"), JUNK)},
    ),
    JUNK,
)
ENTRIES = st.one_of(
    st.fixed_dictionaries({"request": REQUESTS}, optional={"resource": RESOURCES, "fullUrl": NAMES}), JUNK
)


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_a_bundle_of_anything_is_answered(server: Server, kind: str) -> None:
    @given(entries=st.lists(ENTRIES, max_size=5))
    @settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def is_answered(entries: list[Any]) -> None:
        before = server.versions()
        try:
            answers = server.process(kind, *entries)
        except (EntryRefused, Rejected):
            assert kind == "transaction"
            assert server.versions() == before
        else:
            assert len(answers) == len(entries)
            assert all(answer["response"]["status"][0] in "234" for answer in answers)

    is_answered()
