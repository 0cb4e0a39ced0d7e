"""The independent judges beside the repository, where they exist."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

SHARED = Path(__file__).parents[4] / "shared"


def judged(name: str, file: Path, answer: dict[str, Any], folder: Path) -> float:
    """Return the cost that `check_NAME.py` states; fail if it finds a violation."""
    out = folder / "answer.json"
    out.write_text(json.dumps(answer), encoding="utf-8")
    command = [sys.executable, str(SHARED / "tools" / f"check_{name}.py"), str(file), str(out)]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    cost = re.fullmatch(r"cost ([\d.]+)\s*", said)
    assert cost is not None, said
    return float(cost[1])
