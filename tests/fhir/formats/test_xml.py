"""XML: the same resource as its JSON, and nothing that an attacker may want."""

from pathlib import Path
from time import perf_counter

import pytest
from hypothesis import HealthCheck, given, settings

from fhir.formats.json import Number, read_json, write_json
from fhir.formats.media import NotAcceptable
from fhir.formats.safe_xml import parse
from fhir.formats.xml_reader import read_xml
from fhir.formats.xml_writer import CannotWrite, write_xml
from fhir.issues import Malformed
from tests.fhir.formats.documents import resources

HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
NS = 'xmlns="http://hl7.org/fhir"'
ISIK = Path(__file__).parents[3].parent / "shared" / "isik"


def xml_of(document: object) -> str:
    return write_xml(write_json(document)).decode().removeprefix(HEAD)


def issues_of(body: str | bytes) -> list[tuple[str | None, str]]:
    with pytest.raises(Malformed) as raised:
        read_xml(body if isinstance(body, bytes) else body.encode())
    return [(issue.expression, issue.sentence) for issue in raised.value.issues]


class TestRoundTrip:
    @given(resources())
    @settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_loses_nothing_of_any_resource(self, document):
        content = write_json(document)

        again = read_xml(write_xml(content))

        # Bytes, sorted: 1.10 and 1.1 are equal as numbers, not as decimals of FHIR.
        assert sorted_bytes(again) == sorted_bytes(read_json(content))

    @given(resources())
    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_is_the_same_with_indentation(self, document):
        content = write_json(document)

        assert sorted_bytes(read_xml(write_xml(content, is_pretty=True))) == sorted_bytes(
            read_xml(write_xml(content))
        )

    def test_loses_nothing_of_gematiks_examples(self):
        kept = 0
        for path in sorted(ISIK.rglob("*.json")):
            content = path.read_bytes()
            try:
                document = read_json(content)
            except Malformed:  # lists of files, not resources
                continue
            assert read_xml(write_xml(content)) == document, path.name
            kept += 1

        assert kept > 50 or not ISIK.exists()


def sorted_bytes(document: object) -> bytes:
    def ordered(element: object) -> object:
        if isinstance(element, dict):
            return {name: ordered(element[name]) for name in sorted(element)}
        return [ordered(each) for each in element] if isinstance(element, list) else element

    return write_json(ordered(document))


class TestWriteXml:
    def test_puts_elements_in_fhirs_order(self):
        document = {"resourceType": "Slot", "end": "2026-03-03T10:00:00Z", "status": "free", "id": "a"}

        assert xml_of(document) == (
            f'<Slot {NS}><id value="a"/><status value="free"/><end value="2026-03-03T10:00:00Z"/></Slot>'
        )

    def test_writes_ids_of_elements_and_urls_of_extensions_as_attributes(self):
        document = {
            "resourceType": "Patient",
            "_birthDate": {"id": "b", "extension": [{"url": "http://a.example", "valueBoolean": True}]},
        }

        assert xml_of(document) == (
            f'<Patient {NS}><birthDate id="b"><extension url="http://a.example">'
            '<valueBoolean value="true"/></extension></birthDate></Patient>'
        )

    def test_pairs_repeated_values_with_what_stands_beside_them(self):
        document = {
            "resourceType": "Patient",
            "name": [{"given": ["A", None, "C"], "_given": [None, {"id": "b"}]}],
        }

        assert xml_of(document) == (
            f'<Patient {NS}><name><given value="A"/><given id="b"/><given value="C"/></name></Patient>'
        )

    def test_wraps_resources_within_resources(self):
        document = {"resourceType": "Patient", "contained": [{"resourceType": "Slot", "id": "s"}]}

        assert xml_of(document) == (
            f'<Patient {NS}><contained><Slot><id value="s"/></Slot></contained></Patient>'
        )

    def test_keeps_every_digit(self):
        content = b'{"resourceType":"Location","position":{"longitude":8.10,"latitude":5.1e1}}'

        assert b'<longitude value="8.10"/><latitude value="5.1e1"/>' in write_xml(content)

    def test_escapes_what_would_become_markup_or_a_space(self):
        assert 'value="&lt;a b=&quot;&amp;&quot;&gt;&#10;&#9;&#13;"' in xml_of(
            {"resourceType": "Location", "name": '<a b="&">\n\t\r'}
        )

    def test_puts_the_narrative_in_its_own_namespace(self):
        div = "<div xmlns='http://www.w3.org/1999/xhtml'><!-- a --><p>b</p>c</div>"
        document = {"resourceType": "Patient", "text": {"status": "generated", "div": div}}

        assert (
            '<text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml"><p>b</p>c</div></text>'
        ) in xml_of(document)

    @pytest.mark.parametrize(
        "document",
        [
            {"resourceType": "Dragon"},
            {"resourceType": "HumanName"},
            {"resourceType": "DomainResource"},
            {"resourceType": "Patient", "wings": 2},
            {"resourceType": "Patient", "name": [{"middle": "x"}]},
            {"resourceType": "Patient", "text": {"status": "generated", "div": "<div>a<br></div>"}},
            {"resourceType": "Patient", "gender": {"a": 1}},
        ],
    )
    def test_says_that_json_is_needed_for_what_xml_cannot_say(self, document):
        with pytest.raises(CannotWrite, match="accept application/fhir"):
            xml_of(document)

    def test_that_fails_is_a_matter_of_the_accepted_format(self):
        assert issubclass(CannotWrite, NotAcceptable)


class TestReadXml:
    def test_knows_the_types_that_xml_does_not_tell(self):
        body = (
            f'<Patient {NS}><active value="true"/><birthDate value="1950-01-31"/>'
            '<multipleBirthInteger value="2"/></Patient>'
        )

        assert read_xml(body.encode()) == {
            "resourceType": "Patient",
            "active": True,
            "birthDate": "1950-01-31",
            "multipleBirthInteger": 2,
        }

    def test_keeps_digits_as_they_came(self):
        body = (
            f'<Location {NS}><position><longitude value="8.10"/><latitude value="51"/></position></Location>'
        )

        position = read_xml(body.encode())["position"]

        assert isinstance(position["longitude"], Number)
        assert write_json(position) == b'{"longitude":8.10,"latitude":51}'

    @pytest.mark.parametrize(
        "body",
        [
            f'\ufeff{HEAD}\n<!-- a --><?style b?><Slot {NS}>\n  <status value="free"/><!-- c -->\n</Slot>\n',
            '<f:Slot xmlns:f="http://hl7.org/fhir"><f:status value="free"/></f:Slot>',
            (
                f'<Slot {NS} xmlns:x="http://www.w3.org/2001/XMLSchema-instance" x:schemaLocation="a b.xsd">'
                '<status value="free"/></Slot>'
            ),
        ],
    )
    def test_does_not_mind_comments_prefixes_and_schemas(self, body):
        assert read_xml(body.encode()) == {"resourceType": "Slot", "status": "free"}

    def test_takes_the_narrative_out_of_its_surroundings(self):
        body = (
            '<Patient xmlns="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml" xmlns:z="urn:z">'
            '<text><status value="generated"/><h:div> <h:b class="c">x</h:b> y</h:div></text></Patient>'
        )

        assert read_xml(body.encode())["text"]["div"] == (
            '<div xmlns="http://www.w3.org/1999/xhtml"> <b class="c">x</b> y</div>'
        )

    def test_names_all_that_is_wrong_at_once_with_line_and_place(self):
        body = (
            f'<Patient {NS}>\n<active value="yes"/>\n<wings value="2"/>\n<name><family/></name>\n'
            '<gender value="male"/>\n<gender value="female"/>\n<name>Erika</name>\n<id value="a" b="c"/>'
            "</Patient>"
        )

        assert issues_of(body) == [
            ("Patient", "line 3: Patient has no such element in R4"),
            ("Patient.id", "line 8: it has an attribute that R4 does not know"),
            ("Patient.active", "line 2: its value is not true or false"),
            ("Patient.name[0].family", "line 4: it is empty: leave it out, or give it a value (ele-1)"),
            ("Patient.name[1]", "line 7: text stands between elements: values are attributes"),
            ("Patient.gender", "line 6: it may stand only once"),
        ]

    @pytest.mark.parametrize(
        "body",
        [
            "<Slot><status value='free'/></Slot>",
            f"<Dragon {NS}/>",
            f"<HumanName {NS}/>",
            f'<Slot {NS} id="a"/>',
            f"<Patient {NS}><contained/></Patient>",
            f"<Patient {NS}><contained><Slot/><Slot/></contained></Patient>",
            f"<Patient {NS}><contained><Dragon/></contained></Patient>",
            f"<Patient {NS}><text><div>no xhtml</div></text></Patient>",
            f'<Location {NS}><position><longitude value="08.1"/></position></Location>',
            f'<Location {NS}><position><longitude value="1e999"/></position></Location>',
            f'<Patient {NS}><multipleBirthInteger value="2.0"/></Patient>',
        ],
    )
    def test_refuses_what_is_no_resource_of_r4(self, body):
        assert issues_of(body)

    def test_repeats_nothing_of_what_it_refuses(self):
        body = f'<Patient {NS}><Erika value="Erika" Erika="b">Erika</Erika><name a="Erika">Erika'
        body += "</name></Patient>"

        assert "Erika" not in str(issues_of(body))


class TestAttacks:
    @pytest.mark.parametrize(
        "head",
        [
            '<!DOCTYPE Patient [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
            '<!DOCTYPE Patient SYSTEM "http://127.0.0.1:9/a.dtd">',
            '<!DOCTYPE Patient [<!ENTITY % a SYSTEM "http://127.0.0.1:9/a"> %a;]>',
            '<!DOCTYPE Patient [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
            "<!doctype Patient>",
        ],
    )
    def test_with_a_document_type_are_refused_unread(self, head):
        body = f'{head}<Patient {NS}><id value="&a;"/></Patient>'

        ((_, sentence),) = issues_of(body)

        assert sentence.endswith("it has a document type")

    def test_by_laughs_take_no_time(self):
        entities = '<!ENTITY a0 "ha">' + "".join(
            f'<!ENTITY a{number} "{f"&a{number - 1};" * 10}">' for number in range(1, 30)
        )
        began = perf_counter()

        assert issues_of(f"<!DOCTYPE a [{entities}]><Patient {NS}><id value='&a29;'/></Patient>")
        assert perf_counter() - began < 1

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-7", "cp037"])
    def test_cannot_hide_in_another_encoding(self, encoding):
        body = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE a [<!ENTITY b "c">]><Slot {NS}/>'

        assert issues_of(body.encode(encoding))

    @pytest.mark.parametrize("levels", [150, 300, 100_000])
    def test_by_depth_are_refused(self, levels):
        inner = '<extension url="http://a.example">' * levels + "</extension>" * levels

        assert issues_of(f"<Patient {NS}>{inner}</Patient>")

    @pytest.mark.parametrize(
        "body",
        [b"", b"{}", b"<", b"<Patient", b"<Patient/>\xff", b"<a></b>", b"<Patient/><Patient/>", b"\x00"],
    )
    def test_that_are_no_xml_are_refused(self, body):
        ((_, sentence),) = issues_of(body)

        assert "is not XML" in sentence or "no resource" in sentence

    def test_through_the_narrative_do_not_reach_the_parser(self):
        div = '<!DOCTYPE div [<!ENTITY a SYSTEM "file:///etc/hostname">]><div>&a;</div>'

        with pytest.raises(CannotWrite):
            xml_of({"resourceType": "Patient", "text": {"status": "generated", "div": div}})

    def test_that_define_nothing_leave_no_entity_behind(self):
        with pytest.raises(Exception, match="line 1"):
            parse(b"<a>&b;</a>")
