"""Draw the README picture: `python -m tests.benchmarks.picture DATA_DIR DATE` writes `plan.svg` beside it.

The data folder is one that `careapp demo` has planned. The drawing names no font's address, so nothing is
loaded from elsewhere when it is looked at.
"""

import re
import sys
from datetime import date
from io import StringIO
from pathlib import Path

from rich.console import Console

from api.database import opened
from api.plan_report import print_report, read_report
from careapp.access import OPERATOR
from careapp.config import Settings
from careapp.db import make_reading_sessions

PICTURE = Path(__file__).with_name("plan.svg")


def draw(data_dir: Path, day: date) -> str:
    """Return the plan of a day, as the demo prints it, as an SVG."""
    settings = Settings.read(data_dir=data_dir)
    console = Console(record=True, width=112, file=StringIO(), force_terminal=True)
    with opened(settings) as engine, make_reading_sessions(engine).begin() as session:
        report = read_report(session, date=day, zone=settings.zone_info, viewer=OPERATOR)
    if report is None:
        raise SystemExit(f"{day} is not planned in {data_dir}: run careapp demo first")
    print_report(report, console)
    drawn = console.export_svg(title="careapp demo", unique_id="plan")
    return re.sub(r"\s*@font-face \{.*?\}", "", drawn, flags=re.DOTALL)


if __name__ == "__main__":
    PICTURE.write_text(draw(Path(sys.argv[1]), date.fromisoformat(sys.argv[2])), encoding="utf-8")
