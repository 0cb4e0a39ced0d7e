"""What a mapping file declares about its resource."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, CompoundSelect, Select, SQLColumnExpression, select
from sqlalchemy.orm.interfaces import ORMOption

from careapp.access import OFFERED_TO_ALL, AnySelect, Viewer, visible
from careapp.db import Base
from careapp.records.models import Document, DocumentVersion
from fhir.mapping import codes
from fhir.mapping.elements import Json
from fhir.search import carriers
from fhir.search.beside import Sent, sent_parameters
from fhir.search.dates import Instant
from fhir.search.indexed import IndexedParameter
from fhir.search.parameter import Parameter
from fhir.search.tokens import Token


@dataclass(frozen=True, eq=False)
class Alongside:
    """Rows that a mapper needs and no relationship leads to.

    Attributes:
        rows: Selects them, unnarrowed, in the order in which the mapper gets them.
        owner: Their column with the id of the served row.
    """

    rows: Select[Any]
    owner: Any


@dataclass(frozen=True, eq=False)
class Dependency:
    """A table whose rows appear in another resource's documents.

    Attributes:
        model: The table.
        key: Attribute of its rows from which the way to the documents begins.
        ids: From such keys to ids of served rows; None if the key is already that id.
        attributes: Only changes of these matter; none named: all do.
        applies: Tells which rows matter at all; None: all do.
    """

    model: type[Base]
    key: str = "id"
    ids: Callable[[Sequence[Any]], Select[Any] | CompoundSelect[Any]] | None = None
    attributes: frozenset[str] = frozenset()
    applies: Callable[[Any], bool] | None = None


@dataclass(frozen=True, eq=False)
class ServedResource:
    """One kind of resource: where its rows are, how they are shown, by what they are found.

    Attributes:
        kind: FHIR's name of it.
        table: Whose rows it shows; the row's id is the resource's id.
        about: A sentence for the CapabilityStatement.
        to_fhir: Shows a loaded row, followed by one list of rows for each of `alongside`. Pure; the `meta`
            it returns lacks version and time.
        synthetic: SQL: the row was invented for the demo region.
        load: Options for the relationships that `to_fhir` reads.
        alongside: Rows that `to_fhir` needs beside the row.
        affected_by: Other tables whose changes make a document stale.
        parameters: By what it is searched, beside `_id`, `_lastUpdated` and `_tag`.
        sent_paths: Where documents that other systems sent carry more of what parameters find.
        order: Name of the parameter (of type date) that orders results unless `_sort` says otherwise.
        profiles: Profiles that some of its documents claim.
        only: SQL: which rows of the table are shown; None: all.
        also: Rows of further tables that are shown as the same kind and found by parameters of the same
            names; an id is that of one row of one of them.
        documents: Where its documents are read: the kept ones, or an alias with the same columns that shows
            rows as they are read.
        versions: The same for its history.
    """

    kind: str
    table: type[Base]
    about: str
    to_fhir: Callable[..., Json]
    synthetic: ColumnElement[bool]
    load: tuple[ORMOption, ...] = ()
    alongside: tuple[Alongside, ...] = ()
    affected_by: tuple[Dependency, ...] = ()
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    sent_paths: Mapping[str, Sent] = field(default_factory=dict)
    order: str = "_id"
    profiles: tuple[str, ...] = ()
    only: ColumnElement[bool] | None = None
    also: tuple["ServedResource", ...] = ()

    documents: Any = Document
    versions: Any = DocumentVersion

    @property
    def parts(self) -> tuple["ServedResource", ...]:
        """Everything that is shown as this kind, table by table."""
        return (self, *self.also)

    @property
    def is_kept(self) -> bool:
        """Its documents are written with its rows; otherwise they are made when somebody reads them."""
        return self.documents is Document

    @property
    def key(self) -> SQLColumnExpression[UUID]:
        """The column of the row's id."""
        key: SQLColumnExpression[UUID] = self.table.id  # type: ignore[attr-defined]  # every served table has one
        return key

    @property
    def is_offered(self) -> bool:
        """Every viewer sees all rows of the table."""
        return self.table.__tablename__ in OFFERED_TO_ALL

    def visible(self, statement: AnySelect, viewer: Viewer, *, to_change: bool = False) -> AnySelect:
        """Narrow a statement on the table to rows that are shown, and that the viewer may see, or change."""
        shown = statement if self.only is None else statement.where(self.only)
        return visible(shown, viewer, self.table, to_change=to_change)

    def owner_of(self, row: Base) -> UUID | None:
        """Return whose a row's document is; None if it is no tenant's, but offered to all or the region's."""
        if self.is_offered:
            return None
        owner: UUID | None = row.organisation_id  # type: ignore[attr-defined]  # every tenant's row has one
        return owner

    @cached_property
    def indexed(self) -> Mapping[str, IndexedParameter]:
        """Parameters whose values are read from the documents themselves; none if rows have columns."""
        return {name: each for name, each in self.parameters.items() if isinstance(each, IndexedParameter)}

    @cached_property
    def sent(self) -> Mapping[str, IndexedParameter]:
        """Of a kind with columns: what is also searched for in documents as other systems sent them."""
        if self.indexed:
            return {}
        return sent_parameters(
            self.kind,
            self.key,
            self.parameters,
            self.sent_paths,
            Token((carriers.cases(codes.ACT_REASON, {codes.TEST_DATA: self.synthetic}),), ""),
        )

    @cached_property
    def all_parameters(self) -> Mapping[str, Parameter]:
        """Every parameter by name, those of all resources included."""
        return {
            "_id": Token(
                (carriers.ids(None, self.key),), sort=self.key, definition=f"{codes.HL7_PARAMETER}Resource-id"
            ),
            "_lastUpdated": Instant(
                select(self.documents.updated_at)
                .where(self.documents.kind == self.kind, self.documents.id == self.key)
                .scalar_subquery(),
                definition=f"{codes.HL7_PARAMETER}Resource-lastUpdated",
            ),
            **self.parameters,
            **self.sent,
        }
