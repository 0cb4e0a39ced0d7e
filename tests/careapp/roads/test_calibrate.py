"""Learning speeds from driven legs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careapp.roads.calibrate import SenselessLegs, TooFewLegs, calibrate, report_lines
from careapp.roads.legs import RecordedLeg, UnreadableLegs, read_legs


def legs_of(
    factor: float,
    access: float,
    *,
    count: int = 300,
    outliers: float = 0.0,
    noise: float = 0.1,
    seed: int = 0,
) -> list[RecordedLeg]:
    """Make legs of 1 to 30 minutes; an outlier is a break of 10 to 60 minutes."""
    random = np.random.default_rng(seed)
    planned = random.uniform(60, 1800, count)
    driven = (factor * planned + access) * random.lognormal(0, noise, count)
    breaks = random.random(count) < outliers
    driven = driven + breaks * random.uniform(600, 3600, count)
    hours = random.integers(6, 20, count)
    return [RecordedLeg(float(p), float(d), int(h)) for p, d, h in zip(planned, driven, hours, strict=True)]


class TestCalibrate:
    @settings(max_examples=25, deadline=None)
    @given(
        factor=st.floats(0.7, 1.6),
        access=st.floats(0, 240),
        outliers=st.floats(0, 0.2),
        seed=st.integers(0, 10**6),
    )
    def test_recovers_what_is_true_behind_breaks(self, factor, access, outliers, seed):
        legs = legs_of(factor, access, outliers=outliers, seed=seed)

        found = calibrate(legs, seed=1)

        # 300 legs with 10 % noise tell a factor to about 1 %; 8 % covers the few samples that are far off.
        assert found.factor == pytest.approx(factor, rel=0.08)
        assert found.access_s == pytest.approx(access, abs=45)
        assert found.factor_interval.low <= found.factor <= found.factor_interval.high
        assert found.after.mean_percent <= found.before.mean_percent + 0.5

    def test_is_not_moved_by_a_break_at_a_cafe(self):
        legs = legs_of(1.2, 90)
        with_breaks = [
            RecordedLeg(leg.planned_s, leg.driven_s + 1800 * (number % 5 == 0), leg.hour)
            for number, leg in enumerate(legs)
        ]

        plain, robust = calibrate(legs), calibrate(with_breaks)

        assert robust.factor == pytest.approx(plain.factor, rel=0.02)
        assert robust.left_out["far longer than such ways take (a break, a detour?)"] >= 55  # of 60

    def test_turns_time_factors_into_settings(self):
        # Planned at 0.8 of the speed with 60 s: base / 0.8 + 60. Driven is 1.25 * planned + 30
        # = base / 0.64 + 105, and so the speed factor is 0.64 and the fixed time 105 s.
        legs = [RecordedLeg(p, 1.25 * p + 30) for p in np.linspace(100, 1500, 200)]

        found = calibrate(legs, speed_factor=0.8, access_s=60)

        assert found.speed_factor == pytest.approx(0.64, abs=0.001)
        assert found.access_setting_s == 105
        assert report_lines(found)[-2:] == ["CAREAPP_TRAVEL_SPEED_FACTOR=0.64", "CAREAPP_ACCESS_S=105"]

    def test_never_learns_that_one_arrives_before_leaving(self):
        legs = [RecordedLeg(p, max(20.0, 1.1 * p - 40)) for p in np.linspace(100, 1500, 200)]

        found = calibrate(legs)

        assert found.access_s == 0
        assert found.factor < 1.1

    def test_tells_hours_apart(self):
        legs = [
            RecordedLeg(leg.planned_s, leg.driven_s * (1.3 if leg.hour in (6, 7, 8) else 1.0), leg.hour)
            for leg in legs_of(1.0, 0, count=1500, noise=0.05)
        ]

        bands = {band.first_hour: band for band in calibrate(legs).bands}

        assert bands[6].interval.low > 1.1
        assert 0.9 < bands[12].factor < 1.05
        assert 0 not in bands

    def test_gives_the_same_for_the_same_seed(self):
        legs = legs_of(1.1, 60, outliers=0.2)

        assert calibrate(legs, seed=4) == calibrate(legs, seed=4)
        assert calibrate(legs, seed=4).factor_interval != calibrate(legs, seed=5).factor_interval

    def test_counts_what_it_leaves_out(self):
        odd = [
            RecordedLeg(5, 60),
            RecordedLeg(300, 0),
            RecordedLeg(300, 20000),
            RecordedLeg(300, 3100),
            RecordedLeg(300, 330, 25),
            RecordedLeg(300, 330, 8, "bicycle"),
        ]

        found = calibrate(legs_of(1.1, 60, noise=0.02) + odd)

        assert sum(found.left_out.values()) + found.legs == 306
        assert found.left_out["another vehicle than car"] == 1
        assert any("left out: 1 an hour that no clock shows" in line for line in report_lines(found))

    def test_refuses_too_few(self):
        with pytest.raises(TooFewLegs, match="49 of 49"):
            calibrate(legs_of(1.1, 60, count=49))

    @pytest.mark.parametrize(
        ("legs", "words"),
        [
            ([RecordedLeg(300 + n % 7, 400) for n in range(100)], "short and long"),
            ([RecordedLeg(float(n), float(n)) for n in range(60, 900)], "the planned ones"),
            ([RecordedLeg(float(n), 5.0 * n) for n in range(60, 900)], "no roads do"),
            ([RecordedLeg(float(n), 600.0 + n * 37 % 300) for n in range(300, 1400)], "no roads do"),
        ],
    )
    def test_refuses_what_makes_no_sense(self, legs, words):
        with pytest.raises(SenselessLegs, match=words):
            calibrate(legs)


class TestReadLegs:
    def test_reads_what_is_there(self, tmp_path):
        path = tmp_path / "legs.csv"
        path.write_text("kind,planned_s,driven_s,hour\ncar,300,350.5,7\nbicycle,60,90,\n,x,1,\n")

        legs, left_out = read_legs(path)

        assert legs == [RecordedLeg(300, 350.5, 7, "car"), RecordedLeg(60, 90, None, "bicycle")]
        assert left_out == {"a line without two numbers": 1}

    @pytest.mark.parametrize("content", [b"", b"planned_s,hour\n1,2\n", b"\xff\xfe\x00planned_s"])
    def test_refuses_another_form(self, tmp_path, content):
        path = tmp_path / "legs.csv"
        path.write_bytes(content)

        with pytest.raises(UnreadableLegs, match=r"planned_s|UTF-8"):
            read_legs(path)

    def test_refuses_a_file_that_is_not_there(self, tmp_path):
        with pytest.raises(UnreadableLegs, match="cannot be read"):
            read_legs(tmp_path / "none.csv")
