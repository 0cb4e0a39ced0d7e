"""How a job's child process is started; apart from `api.worker`, which loads the solver."""

import sys
from collections.abc import Callable
from uuid import UUID

from careapp.config import Settings


def command_for(settings: Settings) -> Callable[[UUID, int], list[str]]:
    """Return what tells the supervisor how to start the child for a job and its token.

    Everything else the child reads from the environment, as this process did: a database's password does not
    belong on a command line.
    """

    def command(job_id: UUID, token: int) -> list[str]:
        folder = str(settings.data_dir.absolute())
        return [sys.executable, "-m", "api.worker", str(job_id), str(token), "--data-dir", folder]

    return command
