"""Figures of roads: what a build takes, how fast matrices are, how soon a closure counts.

Processor seconds are the programs' own, from the kernel: they hold on a busy machine too, wall seconds do
not.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import numpy as np

from careapp.demo.facts import read_facts
from careapp.roads import engine
from careapp.roads.build import Order, build
from careapp.roads.keeper import honour
from careapp.roads.manifest import Manifest
from careapp.roads.models import Closure
from careapp.roads.network import make_network, write_network
from careapp.roads.programs import Programs
from careapp.roads.segments import read_segments
from routing.travel.osrm import OsrmTravel
from routing.travel.source import Coordinates, Profile
from routing.units import UNREACHABLE
from tests.benchmarks.service import DEMO_SEED, Figure
from tests.roads_programs import find_or_fetch

REGION_NODES = 300_000
"""Drawn; nine in ten of them lie on roads, so that the engine has about 270,000."""
SNAP_M = 500
EXTRACTS = Path(__file__).parents[3] / "shared" / "osm"
_TICKS = os.sysconf("SC_CLK_TCK")


def figures() -> Iterator[Figure]:
    """Measure one after the other, in a folder that is removed afterwards."""
    programs = find_or_fetch()
    for extract in sorted(EXTRACTS.glob("*.osm.pbf")):
        with tempfile.TemporaryDirectory() as name:
            manifest = built(extract, Path(name), programs, tuple(Profile), contract=False)
            yield build_figure(extract.name, manifest, "-")
    with tempfile.TemporaryDirectory() as name:
        yield from region_figures(Path(name), programs)


def region_figures(folder: Path, programs: Programs) -> Iterator[Figure]:
    """Measure a synthetic network of a region's size."""
    extract = folder / "region.osm.pbf"
    write_network(make_network(read_facts(), seed=DEMO_SEED, nodes=REGION_NODES), extract)
    plain = built(extract, folder / "plain", programs, (Profile.CAR,), contract=False)
    nodes = len(np.unique(read_segments(plain.folder / "roads.npz").start))
    region = f"synthetic region ({nodes:,} nodes of roads)"
    yield build_figure(region, plain, "within 180 s and 1500 MB")
    yield started(plain)
    yield matrix(plain, 300, "within 1 s")
    yield matrix(plain, 1000, "within 12 s")
    yield closed(plain, programs)
    engine.stop_all()
    contracted = built(extract, folder / "contracted", programs, (Profile.CAR,), contract=True)
    yield build_figure(f"{region}, contracted", contracted, "-")
    yield matrix(contracted, 300, "within 1 s")
    yield matrix(contracted, 1000, "within 2 s")
    engine.stop_all()


def built(
    extract: Path, data_dir: Path, programs: Programs, profiles: tuple[Profile, ...], *, contract: bool
) -> Manifest:
    """Build road data into a folder of their own."""
    if programs.origin == "data folder":  # so that the engine finds them there too
        (data_dir / "programs").mkdir(parents=True)
        (data_dir / "programs" / programs.folder.parent.name).symlink_to(programs.folder.parent)
    return build(
        Order(extract, profiles, contract=contract),
        data_dir=data_dir,
        programs=programs,
        homes=(),
        now=datetime(2026, 3, 2, tzinfo=UTC),
        tell=lambda _step, _fraction, _detail: None,
    ).manifest


def build_figure(what: str, manifest: Manifest, asked: str) -> Figure:
    """Tell what a build took."""
    cpu_s = sum(step.cpu_seconds for step in manifest.steps)
    size = sum(path.stat().st_size for path in manifest.folder.rglob("*") if path.is_file())
    return Figure(
        f"`careapp roads build` of {what}, for {', '.join(manifest.profiles)}",
        f"{manifest.seconds:.1f} s ({cpu_s:.1f} CPU s), at most {manifest.peak_bytes / 1e6:.0f} MB; "
        f"{size / 1e6:.0f} MB on disk",
        asked,
    )


def started(manifest: Manifest) -> Figure:
    """Measure the first address of an engine."""
    begun = time.perf_counter()
    engine.running(manifest, Profile.CAR)
    return Figure("OSRM's server, start until it answers", f"{time.perf_counter() - begun:.2f} s", "-")


def matrix(manifest: Manifest, size: int, asked: str) -> Figure:
    """Measure all ways between random places at roads, as the planner asks for them."""
    segments = read_segments(manifest.folder / "roads.npz")
    drawn = np.random.default_rng(DEMO_SEED).choice(len(segments.start), size, replace=False)
    places = [Coordinates(latitude, longitude) for longitude, latitude in segments.places[drawn, 0].tolist()]
    address = engine.running(manifest, Profile.CAR)
    source = OsrmTravel(address, Profile.CAR, manifest.data, radius_m=SNAP_M, table_size=size)
    pid = engine.running_pid(manifest, Profile.CAR)
    begun, cpu_s, own_s = time.perf_counter(), cpu_seconds(pid), time.process_time()
    found = source.travel(places)
    wall_s, cpu_s, own_s = (
        time.perf_counter() - begun,
        cpu_seconds(pid) - cpu_s,
        time.process_time() - own_s,
    )
    missing = int((found.seconds == UNREACHABLE).sum())
    return Figure(
        f"{size} × {size} times and distances by car, {manifest.algorithm} ({missing} pairs without a way)",
        f"{wall_s:.2f} s ({cpu_s:.2f} CPU s there, {own_s:.2f} here)",
        asked,
    )


def closed(manifest: Manifest, programs: Programs) -> Figure:
    """Measure from a closure's row until data that honour it are in use and answer."""
    box = manifest.extract.bounds
    closure = Closure(
        id=uuid4(),
        latitude=(box.south + box.north) / 2,
        longitude=(box.west + box.east) / 2,
        radius_m=2_000,
        polygon=None,
        profiles=[Profile.CAR.value],
    )
    begun = time.perf_counter()
    now = manifest.built_at + timedelta(minutes=1)
    fresh = honour([closure], data_dir=manifest.data_dir, programs=programs, now=now)
    assert fresh is not None
    engine.running(fresh, Profile.CAR)
    cpu_s = sum(step.cpu_seconds for step in fresh.steps)
    wall_s = time.perf_counter() - begun
    return Figure("closed roads count in travel times", f"{wall_s:.1f} s ({cpu_s:.1f} CPU s)", "within 60 s")


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
