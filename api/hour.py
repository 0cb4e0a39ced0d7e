"""The hour of a request, as routes and policies are told it."""

from datetime import datetime
from typing import Annotated

from fastapi import Depends

from careapp import clock


async def read_now() -> datetime:
    """Read the clock; a test puts another hour in its place."""
    return clock.now()


Now = Annotated[datetime, Depends(read_now)]
