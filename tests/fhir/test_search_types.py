"""What each type of search parameter means: these tables are the specification."""

import pytest

from careapp.errors import Invalid
from fhir.search.parameter import InvalidSearch, split_escaped, unescape
from fhir.search.strings import fold
from tests.fhir.conftest import BASE, ids_of

SLOT_STATUS = "http://hl7.org/fhir/slotstatus"
TYPE = "https://careapp.example/fhir/CodeSystem/service-type"
SPECIALTY = "http://ihe-d.de/CodeSystems/AerztlicheFachrichtungen"
KVNR = "http://fhir.de/sid/gkv/kvid-10"
REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"


class TestDateOfAMoment:
    """`Slot?start=`: the clock goes forward on 29 March 2026, and times without an offset are Berlin's."""

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("2026-03-29", ["midnight", "noon", "last"]),
            ("eq2026-03-29", ["midnight", "noon", "last"]),
            ("2026-03", ["before midnight", "midnight", "noon", "last", "next day"]),
            ("2026", ["before midnight", "midnight", "noon", "last", "next day", "april"]),
            ("2026-03-29T12:00", ["noon"]),
            ("2026-03-29T12:00:00+02:00", ["noon"]),
            ("2026-03-29T12:00:00%2B02:00", ["noon"]),
            ("2026-03-29T10:00:00Z", ["noon"]),
            ("2026-03-29T10:00:00.000Z", ["noon"]),
            ("2026-03-29T10:00:00.0000000Z", ["noon"]),
            ("2026-03-29T10:00:01Z", []),
            ("ne2026-03", ["april"]),
            ("gt2026-03-29", ["next day", "april"]),
            ("sa2026-03-29", ["next day", "april"]),
            ("gt2026-03-29T10:00:00Z", ["last", "next day", "april"]),
            ("ge2026-03-29T10:00:00Z", ["noon", "last", "next day", "april"]),
            ("lt2026-03-29", ["before midnight"]),
            ("eb2026-03-29", ["before midnight"]),
            ("le2026-03-29", ["before midnight", "midnight", "noon", "last"]),
            ("lt9999", ["before midnight", "midnight", "noon", "last", "next day", "april"]),
            ("ap2026-03-29T12:00", ["noon"]),
            ("ap2026-03-29", ["before midnight", "midnight", "noon", "last", "next day"]),
            ("2026-04-15,2026-03-28", ["before midnight", "april"]),
            ("ge2026-03-29&start=lt2026-03-30", ["midnight", "noon", "last"]),
            ("&start:missing=false&start=2026-04", ["april"]),
            ("2026&start:missing=true", []),
        ],
    )
    def test_finds(self, searched, value, expected):
        assert searched.names("Slot", f"start={value}", searched.slots) == expected

    @pytest.mark.parametrize(
        "value",
        ["2026-02-30", "2026-13", "26", "tomorrow", "2026-03-02T09", "2026-03-02T25:00", "xx2026", "2026-3-2",
         "2026-03-02T09:00+15:00", "2026-03-02T09:00:00+01", "2026-03-02T09:00:60Z", "0000", "0001-01-01",
         "ap9999"],
    )  # fmt: skip
    def test_refuses_what_is_no_date(self, searched, value):
        with pytest.raises(InvalidSearch, match=r"^start=.+ cannot be understood: give a date such as 2026"):
            searched.find("Slot", f"start={value}")


class TestDateOfADay:
    """`Patient?birthdate=`: born 1950-01-31, 1950-02-01, 1951-12-31, 1952-01-01, and unknown."""

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("1950-01-31", {"Müller"}),
            ("1950", {"Müller", "Mueller"}),
            ("1950-02", {"Mueller"}),
            ("ne1950&birthdate=lt1953", {"Groß", "Gross-Lindner"}),
            ("gt1951", {"Gross-Lindner"}),
            ("ge1951", {"Groß", "Gross-Lindner"}),
            ("lt1951-12-31", {"Müller", "Mueller"}),
            ("le1951-12-31", {"Müller", "Mueller", "Groß"}),
            ("sa1951-12-30", {"Groß", "Gross-Lindner"}),
            ("eb1950-02", {"Müller"}),
            ("ap1950-01-30", {"Müller"}),
            # An hour holds no whole day, but some of its day lies above and below it.
            ("1951-12-31T10:00", set()),
            ("gt1951-12-31T10:00", {"Groß", "Gross-Lindner"}),
            ("lt1951-12-31T10:00", {"Müller", "Mueller", "Groß"}),
            ("1951-12-31T23:30:00Z", set()),
            ("ge1952-01-01T00:00:00%2B01:00", {"Gross-Lindner"}),
            ("le9999", {"Müller", "Mueller", "Groß", "Gross-Lindner"}),
            ("&birthdate:missing=true&family=O'Hara", {"O'Hara (geb. [Lee])"}),
        ],
    )
    def test_finds(self, searched, value, expected):
        assert set(searched.names("Patient", f"birthdate={value}", searched.people)) == expected

    @pytest.mark.parametrize("value", ["1950-02-30", "0001-01-01T00:00:00%2B14:00", "ap0001"])
    def test_refuses_what_is_no_date(self, searched, value):
        with pytest.raises(InvalidSearch, match=r"^birthdate="):
            searched.find("Patient", f"birthdate={value}")


class TestString:
    """From the beginning, whatever the case and the accents; ß is ss."""

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("family=Müller", {"Müller"}),
            ("family=muller", {"Müller"}),
            ("family=MÜLL", {"Müller"}),
            ("family=mu%CC%88ller", {"Müller"}),
            ("family=mue", {"Mueller"}),
            ("family=gross", {"Groß", "Gross-Lindner"}),
            ("family=GROß", {"Groß", "Gross-Lindner"}),
            ("family=gros", {"Gross-Lindner"}),
            ("family=lindner", set()),
            ("family:contains=LINDNER", {"Gross-Lindner"}),
            ("family:contains=oß", {"Groß", "Gross-Lindner"}),
            ("family:exact=Groß", {"Groß"}),
            ("family:exact=groß", set()),
            ("family:exact=Gro", set()),
            ("family=müller,gross", {"Müller", "Groß", "Gross-Lindner"}),
            ("family=O'Hara (geb. [", {"O'Hara (geb. [Lee])"}),
            ("family:contains=.*", set()),
            ("family:contains=[a-z]", set()),
            ("family:contains=\\", set()),
            ("family:contains=-", {"Gross-Lindner"}),
            ("given=maria", {"Müller"}),
            ("given=ria", set()),
            ("given=anne", {"Mueller"}),
            ("given=zoe", {"Groß"}),
            ("given:exact=Maria", {"Müller"}),
            ("given:exact=Mari", set()),
            ("given:exact=Anna Maria", {"Müller"}),
            ("given:contains=ari", {"Müller"}),
            ("name=anna", {"Müller"}),
            ("name=mull&name=anna", {"Müller"}),
            ("name=gross,jo", {"Groß", "Gross-Lindner", "O'Hara (geb. [Lee])"}),
        ],
    )
    def test_finds(self, searched, query, expected):
        assert set(searched.names("Patient", query, searched.people)) == expected

    def test_knows_whether_it_is_missing(self, searched):
        doctor = searched.served.world.doctor

        assert str(doctor.base_id) in ids_of(searched.find("Location", "name:missing=false"))
        assert ids_of(searched.find("Patient", "given:missing=true")) == []

    def test_finds_places_and_organisations(self, searched):
        assert len(ids_of(searched.find("Organization", "name=diakonie aussere hohe"))) == 1
        assert len(ids_of(searched.find("HealthcareService", "name=hausliche pflege diakonie"))) == 1
        assert len(ids_of(searched.find("Location", "address-city=ARNSB&_count=3"))) == 3

    @pytest.mark.parametrize(
        ("text", "folded"), [("Ägäis", "agais"), ("Łódź", "łodz"), ("GROẞ", "groß"), ("Crème", "creme")]
    )
    def test_folds(self, text, folded):
        assert fold(text) == folded


class TestToken:
    """Compared exactly: code, system|code, |code, system|."""

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("status=busy", {"noon"}),
            ("status=busy,busy-unavailable", {"noon", "april"}),
            ("status=BUSY", set()),
            ("status=nonsense", set()),
            ("status=nonsense,busy", {"noon"}),
            (f"status={SLOT_STATUS}|busy", {"noon"}),
            ("status=http://example.org|busy", set()),
            ("status=|busy", {"noon"}),
            (f"status={SLOT_STATUS}|&start=2026-04", {"april"}),
            ("status:not=free", {"noon", "april"}),
            ("status:not=free,busy", {"april"}),
            ("status=busy&status=free", set()),
            ("status:missing=false&start=2026-04", {"april"}),
            ("status:missing=true", set()),
        ],
    )
    def test_finds_codes(self, searched, query, expected):
        assert set(searched.names("Slot", query, searched.slots)) == expected

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("identifier=A123456789", {"Groß"}),
            (f"identifier={KVNR}|A123456789", {"Groß"}),
            ("identifier=http://example.org|A123456789", set()),
            ("identifier=|A123456789", set()),
            (f"identifier={KVNR}|&family=gross", {"Groß"}),
            ("identifier:not=A123456789&family=gross", {"Gross-Lindner"}),
            ("identifier:missing=true", {"Gross-Lindner"}),
            ("gender=male", {"Groß"}),
            ("gender:not=female", {"Groß"}),
            ("active=true&family=gross", {"Groß", "Gross-Lindner"}),
            ("active=false", set()),
            ("active:not=true", set()),
            (f"_tag={REASON}|HTEST", set()),
            ("_tag:not=HTEST", {"Müller", "Mueller", "Groß", "Gross-Lindner", "O'Hara (geb. [Lee])"}),
        ],
    )
    def test_finds_identifiers_flags_and_tags(self, searched, query, expected):
        assert set(searched.names("Patient", query, searched.people)) == expected

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("service-type=video-consultation", {"booking"}),
            (f"service-type={TYPE}|home-visit&status=booked", {"double", "second"}),
            ("service-type:not=home-visit", {"booking"}),
            ("specialty=ALLG", {"booking"}),
            (f"specialty={SPECIALTY}|", {"booking"}),
            ("specialty=http://example.org|ALLG", set()),
            # Those without a specialty are not of this one either.
            ("specialty:not=ALLG&status=booked", {"double", "second"}),
            ("specialty:missing=true&status=booked", {"double", "second"}),
            ("status=proposed", {"third"}),
            ("status=cancelled", set()),
        ],
    )
    def test_finds_appointments(self, searched, query, expected):
        served = searched.served
        known = {
            "booking": served.booking,
            "double": served.double,
            "second": served.world.visits[1],
            "third": served.world.visits[2],
        }
        assert set(searched.names("Appointment", query, known)) == expected

    @pytest.mark.parametrize(
        ("kind", "query", "count"),
        [
            ("Schedule", "active=true&service-type=video-consultation&specialty=ALLG", 2),
            ("Schedule", "service-type=home-visit", 2),
            ("HealthcareService", "service-type=video-consultation", 2),
            ("HealthcareService", "specialty=ALLG&active=true", 2),
            ("HealthcareService", "service-type:not=video-consultation", 2),
            ("PractitionerRole", "role=doctor", 2),
            ("PractitionerRole", "role=nurse&specialty:missing=true", 2),
            ("PractitionerRole", "role=doctor&specialty=ALLG", 2),
            ("Practitioner", "identifier=1", 0),
            ("Practitioner", "identifier:missing=true", 4),
            ("ServiceRequest", "status=active", 3),
            ("ServiceRequest", "status=completed", 1),
            ("ServiceRequest", "status=revoked", 0),
            ("ServiceRequest", "performer-type=care", 3),
            ("CarePlan", "status=active", 4),
            ("List", "code=tour&status=current", 2),
            ("Location", "status=inactive", 0),
        ],
    )
    def test_finds_others(self, searched, kind, query, count):
        assert searched.find(kind, query)["total"] == count

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ("active=yes", "^active=yes cannot be understood: give true or false"),
            ("active:missing=perhaps", "^active:missing=perhaps cannot be understood: give true or false"),
            ("identifier=a|b|c", r"^identifier=a\|b\|c cannot be understood: give a code, or system\|code"),
            ("identifier=|", "^identifier="),
            ("gender:above=male", "^gender:above=male cannot be understood: gender takes only the modifiers"),
            ("gender=a%00b", "^gender=a\ufffdb cannot be understood: it holds characters"),
        ],
    )
    def test_refuses_with_the_parameter_its_value_and_what_is_expected(self, searched, query, message):
        with pytest.raises(InvalidSearch, match=message) as refused:
            searched.find("Patient", query)

        assert isinstance(refused.value, Invalid)


class TestReference:
    """An id, Type/id, or the address of a resource of ours."""

    @pytest.mark.parametrize(
        ("form", "is_found"),
        [
            ("{id}", True),
            ("Patient/{id}", True),
            (BASE + "/Patient/{id}", True),
            ("Patient/{id}/_history/1", True),
            (BASE + "/Patient/{id}/_history/1", True),
            ("Practitioner/{id}", False),
            ("https://other.example/fhir/Patient/{id}", False),
            ("Patient/unknown", False),
            ("Patient/{upper}", False),
            ("Patient/unknown,Patient/{id}", True),
        ],
    )
    def test_finds_a_patients_appointments(self, searched, form, is_found):
        patient = searched.served.world.patients[2]
        value = form.format(id=patient.id, upper=str(patient.id).upper())

        found = ids_of(searched.find("Appointment", f"patient={value}"))

        assert found == ([str(searched.served.world.visits[2].id)] if is_found else [])

    def test_finds_an_appointment_by_each_of_its_actors(self, searched):
        served = searched.served
        double, nurses = served.double, served.world.nurses
        home = served.world.patients[0].home_id
        for actor in (
            f"Practitioner/{nurses[1].practitioner_id}",
            f"Patient/{double.patient_id}",
            f"Location/{home}",
        ):
            assert str(double.id) in ids_of(searched.find("Appointment", f"actor={actor}"))
        doctor = served.world.doctor.practitioner_id
        assert ids_of(searched.find("Appointment", f"practitioner={doctor}")) == [str(served.booking.id)]
        assert ids_of(searched.find("Appointment", f"actor:Practitioner={doctor}")) == [
            str(served.booking.id)
        ]
        assert ids_of(searched.find("Appointment", f"actor:Patient={doctor}")) == []
        assert ids_of(searched.find("Appointment", "actor:Practitioner=unknown")) == []
        assert ids_of(searched.find("Appointment", f"actor:Patient=Practitioner/{doctor}")) == []

    def test_finds_each_declared_target(self, searched):
        served, world = searched.served, searched.served.world
        for kind, query, expected in (
            ("Appointment", f"slot=Slot/{world.slot.id}", [served.booking.id]),
            ("Appointment", "slot:missing=false", [served.booking.id]),
            ("Appointment", f"based-on=ServiceRequest/{world.orders[0].id}", [served.double.id]),
            ("Slot", f"schedule=Schedule/{world.schedule.id}", [world.slot.id, served.free_slot.id]),
            ("Slot", "schedule:missing=true", []),
            ("Schedule", f"actor=Practitioner/{world.doctor.practitioner_id}", [world.schedule.id]),
            ("Schedule", f"actor=PractitionerRole/{world.doctor.id}", [world.schedule.id]),
            ("PractitionerRole", f"practitioner={world.doctor.practitioner_id}", [world.doctor.id]),
            ("ServiceRequest", f"patient={world.patients[1].id}", [world.orders[1].id]),
            ("ServiceRequest", f"subject=Patient/{world.patients[1].id}", [world.orders[1].id]),
            ("CarePlan", f"patient={world.patients[1].id}", [world.orders[1].care_plan_id]),
            ("CarePlan", f"activity-reference={world.orders[1].id}", [world.orders[1].care_plan_id]),
            ("List", f"source=PractitionerRole/{world.nurses[1].id}", [served.tours[1].id]),
            ("List", f"item=Appointment/{world.visits[1].id}", [served.tours[0].id]),
            ("HealthcareService", f"organization={world.practice.id}", [world.practice.id]),
        ):
            assert ids_of(searched.find(kind, query)) == [str(key) for key in expected], query

    @pytest.mark.parametrize(
        "value", ["Patient/", "Patient/a b", "patient/1", "a/b/c", "x" * 65, "ftp://x/1"]
    )
    def test_refuses_what_is_no_reference(self, searched, value):
        with pytest.raises(InvalidSearch, match=r"^patient=.+: give an id, Type/id"):
            searched.find("Appointment", f"patient={value}")


class TestEscaping:
    @pytest.mark.parametrize(
        ("text", "parts"),
        [("a,b", ["a", "b"]), ("a\\,b,c", ["a\\,b", "c"]), ("a\\\\,b", ["a\\\\", "b"]), ("", [""])],
    )
    def test_hides_a_separator(self, text, parts):
        assert split_escaped(text, ",") == parts

    @pytest.mark.parametrize(
        ("text", "plain"), [("a\\,b", "a,b"), ("\\|\\$\\\\", "|$\\"), ("a\\b", "a\\b"), ("a\\", "a\\")]
    )
    def test_is_taken_away(self, text, plain):
        assert unescape(text) == plain
