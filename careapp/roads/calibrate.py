"""Learn from driven legs how fast an installation's nurses really are.

The model: driven = factor * planned + access. The fit is an MM estimate (V. J. Yohai, Annals of Statistics 15
(1987), p. 642): a start that half the legs may spoil (repeated medians, A. F. Siegel, Biometrika 69 (1982),
p. 242), the scale of its residuals (median absolute deviation), then weighted least squares with Tukey's
bisquare (A. E. Beaton and J. W. Tukey, Technometrics 16 (1974), p. 147), so that a break at a café weighs
nothing. Errors grow with the square root of the way. Intervals are bootstrap percentiles (B. Efron, Annals of
Statistics 7 (1979), p. 1).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from careapp.errors import Invalid
from careapp.roads.legs import RecordedLeg, sift

Floats = NDArray[np.float64]

FEWEST = 50
"""Legs; fewer say more about the weather than about the roads."""

FEWEST_OF_BAND = 30
BANDS = ((0, 6), (6, 9), (9, 12), (12, 15), (15, 18), (18, 24))
"""Hours of the day whose speeds are compared."""

_BISQUARE = 4.685
"""95 % as good as least squares where there are no outliers (Beaton and Tukey)."""
_MAD_TO_SIGMA = 1.4826
_SETTLING_S = 60.0
_LEAST_SCALE = 0.05
_START_LEGS = 700
_RESAMPLES = 400
_ROUNDS = 40
_LEAST_SPREAD = 1.5
_MOST_FAR = 0.4
_FACTORS, _MOST_ACCESS_S = (0.4, 2.5), 900.0


class TooFewLegs(Invalid):
    """There is too little to learn from."""


class SenselessLegs(Invalid):
    """What the legs say cannot be true of roads."""


@dataclass(frozen=True)
class Interval:
    """Where a number lies with 95 % confidence."""

    low: float
    high: float


@dataclass(frozen=True)
class Band:
    """Some hours of the day against the whole of it.

    Attributes:
        first_hour: First local hour.
        last_hour: The hour before which it ends.
        legs: Counted.
        factor: Times in these hours against all; above 1 is slower.
        interval: Of the factor.
    """

    first_hour: int
    last_hour: int
    legs: int
    factor: float
    interval: Interval


@dataclass(frozen=True)
class Errors:
    """How far times were from what was driven: seconds at the median, per cent of the driven time on average.

    Legs with breaks are in the first, which they hardly move, and not in the second.
    """

    median_s: float
    mean_percent: float


@dataclass(frozen=True)
class Calibration:
    """What was learnt.

    Attributes:
        legs: Used.
        factor: On planned times.
        factor_interval: Of `factor`.
        access_s: Seconds of each way whatever its length.
        access_interval: Of `access_s`.
        before: Errors of the plan.
        after: Errors if it were planned anew.
        bands: By hour, where there are legs enough.
        left_out: How many legs were not used, by reason.
        seed: Of the bootstrap.
        speed_factor: What CAREAPP_TRAVEL_SPEED_FACTOR should be.
        access_setting_s: What CAREAPP_ACCESS_S should be.
    """

    legs: int
    factor: float
    factor_interval: Interval
    access_s: float
    access_interval: Interval
    before: Errors
    after: Errors
    bands: tuple[Band, ...]
    left_out: Counter[str]
    seed: int
    speed_factor: float
    access_setting_s: int


def calibrate(
    legs: Sequence[RecordedLeg],
    *,
    kind: str = "car",
    seed: int = 0,
    speed_factor: float = 1.0,
    access_s: float = 0.0,
) -> Calibration:
    """Learn a factor and a fixed time for each way.

    Args:
        legs: Planned and driven.
        kind: Vehicle.
        seed: Of the bootstrap.
        speed_factor: The setting with which the legs were planned.
        access_s: Likewise.

    Raises:
        TooFewLegs: Fewer than `FEWEST` can be used.
        SenselessLegs: The legs cannot tell factor from fixed time, or tell what no road does.
    """
    good, left_out = sift(legs, kind=kind)
    if len(good) < FEWEST:
        raise TooFewLegs(
            f"{len(good)} of {len(legs)} legs can be used: record at least {FEWEST} and ask again"
        )
    planned = np.array([leg.planned_s for leg in good])
    driven = np.array([leg.driven_s for leg in good])
    _refuse_uniform(planned, driven)
    random = np.random.default_rng(seed)
    start = _repeated_medians(planned, driven, random)
    scale = _scale(planned, driven, start)
    fit = _fit(planned, driven, start, scale)
    counts = _weights(planned, driven, fit, scale) > 0
    _refuse_nonsense(fit, float(1 - counts.mean()))
    resampled = np.array(
        [
            _fit(planned[drawn], driven[drawn], fit, scale)
            for drawn in random.integers(0, len(planned), (_RESAMPLES, len(planned)))
        ]
    )
    late = int(np.sum(~counts & (driven > fit[0] * planned + fit[1])))
    left_out["far longer than such ways take (a break, a detour?)"] = late
    left_out["far shorter than such ways take (checked out late?)"] = int(np.sum(~counts)) - late
    factor, access = fit
    return Calibration(
        legs=int(counts.sum()),
        factor=factor,
        factor_interval=_interval(resampled[:, 0]),
        access_s=access,
        access_interval=_interval(resampled[:, 1]),
        before=_errors(planned, driven, counts),
        after=_errors(factor * planned + access, driven, counts),
        bands=_bands(good, counts, fit, random),
        left_out=+left_out,
        seed=seed,
        speed_factor=round(speed_factor / factor, 3),
        # planned = base / speed_factor + access_s, and so driven = factor * base / speed_factor + ...
        access_setting_s=round(factor * access_s + access),
    )


def _refuse_uniform(planned: Floats, driven: Floats) -> None:
    low, high = np.quantile(planned, [0.1, 0.9])
    if high < _LEAST_SPREAD * low:
        raise SenselessLegs(
            f"nearly all ways were planned at {low:.0f} to {high:.0f} s: to tell a factor from a fixed time, "
            "record short and long ones"
        )
    if np.mean(np.abs(driven - planned) < 1) > 1 - _MOST_FAR:
        raise SenselessLegs("most driven times are the planned ones: record when nurses leave and arrive")


def _refuse_nonsense(fit: tuple[float, float], far: float) -> None:
    factor, access = fit
    if far > _MOST_FAR:
        raise SenselessLegs(f"{100 * far:.0f} % of the legs fit no common factor: see how they are recorded")
    if not _FACTORS[0] <= factor <= _FACTORS[1] or access > _MOST_ACCESS_S:
        raise SenselessLegs(
            f"the legs ask for a factor of {factor:.2f} and {access:.0f} s for each way, which no roads do: "
            "see whether both columns are seconds of driving"
        )


def _repeated_medians(planned: Floats, driven: Floats, random: np.random.Generator) -> tuple[float, float]:
    if len(planned) > _START_LEGS:
        chosen = random.choice(len(planned), _START_LEGS, replace=False)
        planned, driven = planned[chosen], driven[chosen]
    apart = planned[:, None] - planned
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = np.where(np.abs(apart) > 1, (driven[:, None] - driven) / apart, np.nan)
    told = ~np.isnan(slopes).all(axis=1)
    factor = float(np.median(np.nanmedian(slopes[told], axis=1)))
    access = float(np.median(driven - factor * planned))
    return (factor, access) if access >= 0 else (float(np.median(driven / planned)), 0.0)


def _residuals(planned: Floats, driven: Floats, fit: tuple[float, float]) -> Floats:
    """Return how far each leg is from the line, in units that are alike for short and long ways."""
    return (driven - fit[0] * planned - fit[1]) / np.sqrt(planned + _SETTLING_S)


def _scale(planned: Floats, driven: Floats, fit: tuple[float, float]) -> float:
    residuals = _residuals(planned, driven, fit)
    return max(_LEAST_SCALE, _MAD_TO_SIGMA * float(np.median(np.abs(residuals))))


def _weights(planned: Floats, driven: Floats, fit: tuple[float, float], scale: float) -> Floats:
    part = _residuals(planned, driven, fit) / (_BISQUARE * scale)
    return np.where(np.abs(part) < 1, (1 - part**2) ** 2, 0.0)


def _fit(planned: Floats, driven: Floats, start: tuple[float, float], scale: float) -> tuple[float, float]:
    """Return factor and access by weighted least squares, weighing anew until nothing changes."""
    fit = start
    for _ in range(_ROUNDS):
        weights = _weights(planned, driven, fit, scale) / (planned + _SETTLING_S)
        total = weights.sum()
        if total <= 0:
            return fit
        middle, taken = weights @ planned / total, weights @ driven / total
        spread = weights @ (planned - middle) ** 2
        factor = float(weights @ ((planned - middle) * (driven - taken)) / spread) if spread > 0 else fit[0]
        access = float(taken - factor * middle)
        if access < 0:  # nobody arrives before leaving: the line through nothing
            factor, access = float(weights @ (planned * driven) / (weights @ planned**2)), 0.0
        before, fit = fit, (factor, access)
        if abs(before[0] - factor) < 1e-6 and abs(before[1] - access) < 1e-3:
            break
    return fit


def _interval(values: Floats) -> Interval:
    low, high = np.quantile(values, [0.025, 0.975])
    return Interval(float(low), float(high))


def _errors(told: Floats, driven: Floats, counts: NDArray[np.bool_]) -> Errors:
    apart = np.abs(told - driven)
    return Errors(float(np.median(apart)), float(100 * np.mean(apart[counts] / driven[counts])))


def _bands(
    legs: Sequence[RecordedLeg],
    counts: NDArray[np.bool_],
    fit: tuple[float, float],
    random: np.random.Generator,
) -> tuple[Band, ...]:
    bands = []
    for first, last in BANDS:
        ratios = np.array(
            [
                (leg.driven_s - fit[1]) / (fit[0] * leg.planned_s)
                for leg, is_counted in zip(legs, counts, strict=True)
                if is_counted and leg.hour is not None and first <= leg.hour < last
            ]
        )
        if len(ratios) >= FEWEST_OF_BAND:
            drawn = random.integers(0, len(ratios), (_RESAMPLES, len(ratios)))
            interval = _interval(np.median(ratios[drawn], axis=1))
            bands.append(Band(first, last, len(ratios), float(np.median(ratios)), interval))
    return tuple(bands)


def report_lines(found: Calibration) -> list[str]:
    """Return a calibration as lines to print; the last ones are settings."""
    factor, access = found.factor_interval, found.access_interval
    lines = [
        f"{found.legs} legs counted",
        f"factor on planned times  {found.factor:.3f}  (95 %: {factor.low:.3f} to {factor.high:.3f})",
        f"fixed time of each way   {found.access_s:.0f} s  (95 %: {access.low:.0f} to {access.high:.0f} s)",
        f"error before             {_told(found.before)}",
        f"error after              {_told(found.after)}",
    ]
    lines += [f"left out: {count} {reason}" for reason, count in sorted(found.left_out.items())]
    lines += [
        f"from {band.first_hour:02d} to {band.last_hour:02d}: {band.factor:.3f} times as long as all day "
        f"(95 %: {band.interval.low:.3f} to {band.interval.high:.3f}; {band.legs} legs)"
        for band in found.bands
    ]
    return [
        *lines,
        f"bootstrap of {_RESAMPLES}, seed {found.seed}; nothing was changed. To use it, set:",
        f"CAREAPP_TRAVEL_SPEED_FACTOR={found.speed_factor}",
        f"CAREAPP_ACCESS_S={found.access_setting_s}",
    ]


def _told(errors: Errors) -> str:
    return f"{errors.median_s:.0f} s at the median, {errors.mean_percent:.0f} % on average"
