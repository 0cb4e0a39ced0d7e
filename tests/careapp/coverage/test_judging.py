"""What figures and measures say about a call."""

from datetime import date

import pytest

from careapp.coverage.judging import (
    Link,
    LinkKind,
    LinkWhy,
    Medium,
    Sums,
    better,
    judge_figures,
    judge_measures,
)

DAY = date(2026, 2, 1)


class TestFigures:
    @pytest.mark.parametrize(
        ("down", "up", "kind"),
        [
            (2.0, 1.0, LinkKind.VIDEO),
            (50.0, 0.9, LinkKind.AUDIO),
            (1.9, 1.0, LinkKind.AUDIO),
            (0.1, 0.1, LinkKind.AUDIO),
            (0.05, 5.0, LinkKind.NONE),
            (0.0, 0.0, LinkKind.NONE),
        ],
    )
    def test_promise_what_both_ways_can_carry(self, down, up, kind):
        assert judge_figures(down, up, DAY) == Link(kind, LinkWhy.FIGURES, DAY)


class TestMeasures:
    @pytest.mark.parametrize(
        ("succeeded", "failed", "mean_ms", "kind"),
        [
            (9, 1, 2500, LinkKind.VIDEO),
            (9, 1, 2501, LinkKind.AUDIO),
            (8, 2, 100, LinkKind.AUDIO),
            (6, 4, 100, LinkKind.AUDIO),
            (5, 5, 100, LinkKind.NONE),
            (0, 5, 0, LinkKind.NONE),
        ],
    )
    def test_tell_by_what_succeeded_and_how_long_it_took(self, succeeded, failed, mean_ms, kind):
        link = judge_measures(Sums(succeeded, failed, succeeded * mean_ms, DAY))

        assert link == Link(kind, LinkWhy.MEASURED, DAY)

    def test_say_nothing_until_there_are_five(self):
        assert judge_measures(Sums(4, 0, 400, DAY)) is None
        assert judge_measures(Sums(4, 1, 400, DAY)) is not None


class TestLink:
    @pytest.mark.parametrize(
        ("kind", "why", "medium"),
        [
            (LinkKind.VIDEO, LinkWhy.MEASURED, Medium.VIDEO),
            (LinkKind.AUDIO, LinkWhy.FIGURES, Medium.AUDIO_FIRST),
            (LinkKind.NONE, LinkWhy.MEASURED, Medium.PHONE),
            (LinkKind.UNKNOWN, LinkWhy.NO_FIGURE, Medium.AUDIO_FIRST),
            (LinkKind.UNKNOWN, LinkWhy.NO_PLACE, Medium.AUDIO_FIRST),
            (LinkKind.UNKNOWN, LinkWhy.NOTHING_IMPORTED, Medium.VIDEO),
        ],
    )
    def test_says_how_to_begin(self, kind, why, medium):
        assert Link(kind, why).medium is medium

    def test_that_carries_more_counts_and_of_equal_ones_the_newer(self):
        poor, good = (Link(kind, LinkWhy.FIGURES, DAY) for kind in (LinkKind.NONE, LinkKind.VIDEO))
        newer = Link(LinkKind.VIDEO, LinkWhy.FIGURES, date(2026, 3, 1))

        assert better(None, poor) == poor
        assert better(poor, good) == better(good, poor) == good
        assert better(good, newer) == better(newer, good) == newer
