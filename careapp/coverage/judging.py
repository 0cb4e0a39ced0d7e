"""What figures and measures say about a call. No I/O.

Video needs 2 Mbit/s towards the patient, as the first agreement on video consultations asked for (Anlage 31b
BMV-Ä, 2017), and half of it back; sound alone needs little. What our own phones met counts more than what a
map of an operator promises, once there is enough of it that one unlucky day, or one person's way, is not all.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

VIDEO_DOWN_MBIT, VIDEO_UP_MBIT = 2.0, 1.0
AUDIO_DOWN_MBIT = AUDIO_UP_MBIT = 0.1
LEAST_SAMPLES = 5
"""Fewer say nothing, and could tell who was where."""
VIDEO_SHARE, AUDIO_SHARE = 0.9, 0.6
"""Of exchanges that succeeded."""
VIDEO_MS = 2_500
"""How long an exchange takes on average at most, where video is likely."""


class LinkKind(StrEnum):
    """What a link is likely to carry."""

    VIDEO = "video"
    AUDIO = "audio"
    NONE = "none"
    UNKNOWN = "unknown"


class LinkWhy(StrEnum):
    """On what it rests."""

    MEASURED = "measured"
    """Our own phones' exchanges."""
    FIGURES = "figures"
    """A data set that was imported."""
    NO_FIGURE = "no-figure"
    """Others are known, this place is not."""
    NO_PLACE = "no-place"
    """Nobody has said where the patient lives."""
    NOTHING_IMPORTED = "nothing-imported"
    """Nothing is known of any place."""


class Medium(StrEnum):
    """How a consultation begins."""

    VIDEO = "video"
    AUDIO_FIRST = "audio-first"
    """With sound alone; pictures only if the link turns out to carry them."""
    PHONE = "phone"
    """By telephone: no link is likely to hold."""


@dataclass(frozen=True)
class Link:
    """What to expect at a place.

    Attributes:
        kind: What it is likely to carry.
        why: On what that rests.
        since: Of which day the figures are, or the first day of the newest month measured; None: unknown.
    """

    kind: LinkKind
    why: LinkWhy
    since: date | None = None

    @property
    def medium(self) -> Medium:
        """How a consultation should begin there.

        Where nobody knows anything of any place, connectivity constrains nothing.
        """
        if self.kind is LinkKind.VIDEO or self.why is LinkWhy.NOTHING_IMPORTED:
            return Medium.VIDEO
        return Medium.PHONE if self.kind is LinkKind.NONE else Medium.AUDIO_FIRST


@dataclass(frozen=True)
class Sums:
    """Exchanges of our phones in a cell.

    Attributes:
        succeeded: How many succeeded.
        failed: How many did not.
        total_ms: Of those that succeeded, together.
        month: The newest of them.
    """

    succeeded: int
    failed: int
    total_ms: int
    month: date

    @property
    def counts(self) -> bool:
        """Whether there are enough."""
        return self.succeeded + self.failed >= LEAST_SAMPLES


def judge_figures(down_mbit: float, up_mbit: float, as_of: date) -> Link:
    """Return what one operator's figures promise."""
    if down_mbit >= VIDEO_DOWN_MBIT and up_mbit >= VIDEO_UP_MBIT:
        kind = LinkKind.VIDEO
    elif down_mbit >= AUDIO_DOWN_MBIT and up_mbit >= AUDIO_UP_MBIT:
        kind = LinkKind.AUDIO
    else:
        kind = LinkKind.NONE
    return Link(kind, LinkWhy.FIGURES, as_of)


def judge_measures(sums: Sums) -> Link | None:
    """Return what our phones met; None if they were there too seldom."""
    if not sums.counts:
        return None
    share = sums.succeeded / (sums.succeeded + sums.failed)
    if share >= VIDEO_SHARE and sums.total_ms <= VIDEO_MS * sums.succeeded:
        kind = LinkKind.VIDEO
    else:
        kind = LinkKind.AUDIO if share >= AUDIO_SHARE else LinkKind.NONE
    return Link(kind, LinkWhy.MEASURED, sums.month)


_ORDER = (LinkKind.VIDEO, LinkKind.AUDIO, LinkKind.NONE, LinkKind.UNKNOWN)


def better(one: Link | None, other: Link) -> Link:
    """Return the link that carries more; of equal ones the newer: a phone takes the network that it gets."""
    if one is None:
        return other
    return min(one, other, key=lambda link: (_ORDER.index(link.kind), -(link.since or date.min).toordinal()))
