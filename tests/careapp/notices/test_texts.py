"""What messages say, and that they say no more."""

from datetime import UTC, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from careapp.notices.models import Language, NoticeKind
from careapp.notices.texts import words

BERLIN = ZoneInfo("Europe/Berlin")
AT = datetime(2026, 3, 3, 9, 20, tzinfo=UTC)
"""Tuesday, 3 March, 10:20 in Berlin."""


class TestWords:
    @pytest.mark.parametrize(
        ("kind", "language", "hours", "sentence"),
        [
            (NoticeKind.REMINDER, Language.GERMAN, 24, "Sie haben morgen um 10:20 Uhr einen Termin."),
            (NoticeKind.REMINDER, Language.GERMAN, 2, "Sie haben heute um 10:20 Uhr einen Termin."),
            (NoticeKind.REMINDER, Language.ENGLISH, 24, "You have an appointment tomorrow at 10:20."),
            (
                NoticeKind.BOOKED,
                Language.GERMAN,
                72,
                "Sie haben am Dienstag, 3. März 2026, um 10:20 Uhr einen Termin.",
            ),
            (
                NoticeKind.MOVED,
                Language.ENGLISH,
                72,
                "Your appointment has been moved. It is now on Tuesday, 3 March 2026, at 10:20.",
            ),
            (
                NoticeKind.CANCELLED,
                Language.GERMAN,
                72,
                "Ihr Termin am Dienstag, 3. März 2026, um 10:20 Uhr findet nicht statt.",
            ),
        ],
    )
    def test_say_when_and_what_has_happened(self, kind, language, hours, sentence):
        said = words(kind, language, starts_at=AT, zone=BERLIN, now=AT - timedelta(hours=hours))

        assert said.sentence == sentence
        assert sentence in said.text

    def test_say_tomorrow_by_the_patients_calendar(self):
        # 23:30 in Berlin on 2 March is still 2 March, and 00:30 is the day itself.
        late, early = (datetime(2026, 3, 2, hour, 30, tzinfo=UTC) for hour in (22, 23))

        said = [
            words(NoticeKind.REMINDER, Language.ENGLISH, starts_at=AT, zone=BERLIN, now=now).sentence
            for now in (late, early)
        ]

        assert ["tomorrow" in said[0], "today" in said[1]] == [True, True]

    def test_read_the_wall_clock_across_its_change(self):
        # On 2026-03-29 Berlin is two hours ahead of UTC.
        at = datetime(2026, 3, 29, 8, tzinfo=UTC)

        said = words(
            NoticeKind.REMINDER, Language.GERMAN, starts_at=at, zone=BERLIN, now=at - timedelta(days=1)
        )

        assert said.sentence == "Sie haben morgen um 10:00 Uhr einen Termin."

    def test_fit_one_sms(self):
        # GSM's alphabet has 160 characters to a message, German umlauts among them.
        longest = max(
            len(words(kind, language, starts_at=at, zone=BERLIN, now=AT - timedelta(days=400)).sentence)
            for kind, language in product(NoticeKind, Language)
            for at in (AT + timedelta(days=day, hours=3) for day in range(366))
        )

        assert 60 < longest <= 160
