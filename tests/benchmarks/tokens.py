"""Bearer tokens for what is measured over HTTP."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID


def bearer(data_dir: Path, environment: Mapping[str, str], organisation: UUID | None = None) -> str:
    """Return the header `Authorization` of a coordinator, as `careapp token` makes it.

    Args:
        data_dir: Where the keys lie.
        environment: Settings of the server that is asked.
        organisation: Whose coordinator; None: of the first care service.
    """
    command = [str(Path(sys.executable).with_name("careapp")), "token", "--role", "coordinator"]
    command += ["--minutes", "600", "--data-dir", str(data_dir)]
    command += [] if organisation is None else ["--organisation", str(organisation)]
    printed = subprocess.run(
        command, env={**os.environ, **environment}, check=True, capture_output=True, text=True
    )
    return f"Bearer {printed.stdout.strip()}"
