"""A booked consultation on each kind of database."""

from datetime import datetime

import pytest
from sqlalchemy.orm import Session, sessionmaker

from tests.careapp.calls.consultations import Consultation, a_consultation


@pytest.fixture
def consultation(sessions: sessionmaker[Session], now: datetime) -> Consultation:
    return a_consultation(sessions, now)
