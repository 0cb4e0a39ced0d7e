"""Tables of coverage. Neither holds a person: figures are facts, measures are sums of a cell and a month."""

from datetime import date
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from careapp.db import Base


class CoverageFigure(Base):
    """What a data set says of one operator's network in a cell."""

    __tablename__ = "coverage_figure"
    __table_args__ = (
        CheckConstraint("down_mbit >= 0 AND up_mbit >= 0", name="speed"),
        Index("ix_coverage_figure_cell_row_cell_column", "cell_row", "cell_column"),
    )

    source: Mapped[str] = mapped_column(String(40), primary_key=True)
    """Name of the data set: whoever imports it again replaces it whole."""
    operator: Mapped[str] = mapped_column(String(40), primary_key=True)
    cell_row: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    cell_column: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    down_mbit: Mapped[float]
    """Towards the phone, in Mbit/s."""
    up_mbit: Mapped[float]
    as_of: Mapped[date]


class CoverageMeasure(Base):
    """How a service's phones fared in a cell in a month, when they exchanged their data with us."""

    __tablename__ = "coverage_measure"
    __table_args__ = (
        CheckConstraint("succeeded >= 0 AND failed >= 0 AND total_ms >= 0", name="counts"),
        Index("ix_coverage_measure_cell_row_cell_column", "cell_row", "cell_column"),
    )

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), primary_key=True)
    month: Mapped[date] = mapped_column(primary_key=True)
    """Its first day."""
    cell_row: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    cell_column: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    succeeded: Mapped[int]
    failed: Mapped[int]
    total_ms: Mapped[int] = mapped_column(BigInteger)
    """Of those that succeeded, together."""
