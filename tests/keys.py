"""The keys of every database of the tests: the same in each process that opens one."""

from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Dialect, Engine, select
from sqlalchemy.orm import Session
from sqlalchemy.util import LRUCache

from careapp import key_files
from careapp.config import Settings
from careapp.db import make_engine
from careapp.keys import Keyring
from careapp.records.models import Document
from careapp.sealing.contents import opened
from careapp.sealing.ring import attach

CONTENT = key_files.KeyFile(b"s" * 32, (key_files.MainKey("7e57ab1e", None, b"k" * 32),))
KEYS = Keyring(CONTENT)
_DIALECTS: dict[str, Dialect] = {}
_COMPILED: LRUCache[Any, Any] = LRUCache(5000)


def open_engine(address: str) -> Engine:
    """Open a database with the tests' keys; statements are compiled once in a process, not for each test."""
    engine = make_engine(address)
    # Compiled statements are kept by dialect, so that of the first engine of its kind serves all.
    engine.dialect = _DIALECTS.setdefault(engine.dialect.name, engine.dialect)
    engine.update_execution_options(compiled_cache=_COMPILED)
    attach(engine, KEYS)
    return engine


def content_of(session: Session, kind: str, key: UUID) -> bytes:
    """Return a stored document, opened."""
    content = session.scalars(select(Document.content).where(Document.kind == kind, Document.id == key)).one()
    return opened(session, kind, key, content)


def all_contents(session: Session) -> list[bytes]:
    """Return every stored document, opened."""
    rows = session.execute(select(Document.kind, Document.id, Document.content))
    return [opened(session, *row) for row in rows]


def put_keys(data_dir: Path) -> None:
    """Let programs with this data folder open the tests' databases."""
    path = Settings(data_dir=data_dir).keys_path
    path.parent.mkdir(parents=True, exist_ok=True)
    key_files.write(path, CONTENT)
