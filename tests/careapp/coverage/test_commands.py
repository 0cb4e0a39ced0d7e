"""Coverage in the database."""

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from sqlalchemy import select

from careapp.access import Viewer, ViewerRole
from careapp.coverage.cells import Bounds, Cell
from careapp.coverage.commands import (
    NoFigures,
    NoSamples,
    NoSource,
    Sample,
    SourceUnknown,
    add_samples,
    forget_measures,
    import_figures,
    remove_figures,
    require_source,
)
from careapp.coverage.files import Figure
from careapp.coverage.judging import Link, LinkKind, LinkWhy
from careapp.coverage.models import CoverageFigure, CoverageMeasure
from careapp.coverage.queries import Source, expected_link, first_month, list_links, list_sources
from careapp.db import make_sessions
from careapp.records.models import AuditEvent
from careapp.tenancy import begin_as
from tests.careapp.worlds import EVERYONE, a_place, an_organisation

HERE, THERE = Cell.named("51.39,8.064"), Cell.named("51.39,8.080")
DAY = date(2026, 1, 31)
AROUND = Bounds.of(8.05, 51.38, 8.1, 51.41, most=100)


def a_figure(cell=HERE, *, operator="Netz A", down=20.0, up=5.0, as_of=DAY):
    return Figure(operator, cell, down, up, as_of)


def taken(session, now, *figures, source="Atlas"):
    return import_figures(session, source=source, figures=figures, viewer=EVERYONE, now=now)


def a_nurse_of(organisation):
    return Viewer(str(uuid4()), ViewerRole.NURSE, organisation.id, uuid4())


def met(session, now, viewer, *, ok=5, failed=0, cell=HERE, ms=100):
    samples = [Sample(cell, True, ms)] * ok + [Sample(cell, False, 0)] * failed
    return add_samples(session, samples=samples, viewer=viewer, now=now)


class TestImportFigures:
    def test_replaces_what_the_data_set_said_before_and_nothing_else(self, session, now):
        taken(session, now, a_figure(), a_figure(THERE))
        taken(session, now, a_figure(), source="Anderer")
        taken(session, now, a_figure(THERE, down=1.0))

        known = {(row.source, row.cell_column) for row in session.scalars(select(CoverageFigure))}
        assert known == {("Atlas", THERE.column), ("Anderer", HERE.column)}

    def test_keeps_the_middle_of_several_figures_for_a_cell(self, session, now):
        found = taken(session, now, *(a_figure(down=down, up=1.0) for down in (90.0, 1.0, 3.0)))

        row = session.scalars(select(CoverageFigure)).one()
        assert (row.down_mbit, row.up_mbit, found.figures, found.cells) == (3.0, 1.0, 3, 1)

    def test_leaves_everything_if_there_is_nothing(self, session, now):
        taken(session, now, a_figure())

        with pytest.raises(NoFigures):
            taken(session, now)

        assert session.scalars(select(CoverageFigure)).one().source == "Atlas"

    def test_is_recorded(self, session, now):
        taken(session, now, a_figure())
        session.flush()

        event = session.scalars(select(AuditEvent)).one()
        assert (event.action, event.detail) == ("import_coverage", {"figures": 1, "cells": 1})

    def test_names_the_data_sets_in_use(self, session, now):
        taken(session, now, a_figure(), a_figure(operator="Netz B"), a_figure(THERE, as_of=date(2026, 2, 1)))

        assert list_sources(session) == [Source("Atlas", 2, 2, date(2026, 2, 1))]

    def test_is_undone_by_name(self, session, now):
        taken(session, now, a_figure())
        remove_figures(session, source="Atlas", viewer=EVERYONE, now=now)

        assert list_sources(session) == []
        with pytest.raises(SourceUnknown):
            remove_figures(session, source="Atlas", viewer=EVERYONE, now=now)

    @pytest.mark.parametrize("name", ["", "  ", "x" * 41])
    def test_takes_no_name_that_is_none(self, name):
        with pytest.raises(NoSource):
            require_source(name)


class TestAddSamples:
    def test_keeps_only_sums_of_a_cell_and_a_month(self, session, now):
        nurse = a_nurse_of(an_organisation(session))
        met(session, now, nurse, ok=2, failed=1, ms=300)
        met(session, now, nurse, ok=1, ms=90)

        row = session.scalars(select(CoverageMeasure).execution_options(populate_existing=True)).one()
        # 2 * 300 + 90
        assert (row.month, row.succeeded, row.failed, row.total_ms) == (date(2026, 3, 1), 3, 1, 690)

    def test_counts_no_exchange_for_longer_than_anybody_waits(self, session, now):
        met(session, now, a_nurse_of(an_organisation(session)), ok=1, ms=10**12)

        assert session.scalars(select(CoverageMeasure.total_ms)).one() == 120_000

    def test_says_in_the_record_how_many_and_not_where(self, session, now):
        nurse = a_nurse_of(an_organisation(session))
        met(session, now, nurse)
        session.flush()

        event = session.scalars(select(AuditEvent)).one()
        assert (event.action, event.subject_id, event.detail) == ("add_coverage", None, {"samples": 5})

    def test_refuses_nothing_and_nobody(self, session, now):
        nurse = a_nurse_of(an_organisation(session))

        with pytest.raises(NoSamples):
            add_samples(session, samples=[], viewer=nurse, now=now)
        with pytest.raises(NoSamples):
            met(session, now, EVERYONE)

    def test_is_forgotten_after_a_year(self, session, now):
        nurse = a_nurse_of(an_organisation(session))
        met(session, datetime(2025, 2, 28, tzinfo=UTC), nurse)
        met(session, datetime(2025, 3, 1, tzinfo=UTC), nurse)

        assert forget_measures(session, now=now) == 1
        assert session.scalars(select(CoverageMeasure.month)).all() == [date(2025, 3, 1)]


class TestFirstMonth:
    @pytest.mark.parametrize(
        ("moment", "month"),
        [
            (datetime(2026, 3, 31, tzinfo=UTC), date(2025, 3, 1)),
            (datetime(2026, 12, 1, tzinfo=UTC), date(2025, 12, 1)),
        ],
    )
    def test_is_twelve_months_ago(self, moment, month):
        assert first_month(moment) == month


class TestExpectedLink:
    def expect(self, session, now, **where):
        place = a_place(session, an_organisation(session), **where)
        return expected_link(session, place=place, now=now)

    def test_is_unknown_without_a_place_or_a_figure(self, session, now):
        nowhere = expected_link(session, place=None, now=now)
        nothing = self.expect(session, now)
        taken(session, now, a_figure())
        elsewhere = self.expect(session, now, latitude=51.2)

        assert nowhere == Link(LinkKind.UNKNOWN, LinkWhy.NO_PLACE)
        assert nothing == Link(LinkKind.UNKNOWN, LinkWhy.NOTHING_IMPORTED)
        assert elsewhere == Link(LinkKind.UNKNOWN, LinkWhy.NO_FIGURE)

    def test_is_that_of_the_best_network_unless_one_is_named(self, session, now):
        taken(session, now, a_figure(operator="Netz A", down=0.5), a_figure(operator="Netz B"))
        place = a_place(session, an_organisation(session))

        best = expected_link(session, place=place, now=now)
        ours = expected_link(session, place=place, now=now, operator="netz a")

        assert (best.kind, ours.kind) == (LinkKind.VIDEO, LinkKind.AUDIO)

    def test_is_what_phones_met_whatever_was_promised(self, session, now):
        taken(session, now, a_figure())
        met(session, now, a_nurse_of(an_organisation(session)), ok=3, failed=3)

        assert self.expect(session, now) == Link(LinkKind.NONE, LinkWhy.MEASURED, date(2026, 3, 1))

    def test_adds_up_what_phones_of_every_service_met(self, engine, now):
        with make_sessions(engine).begin() as session:
            first, second = an_organisation(session), an_organisation(session)
            met(session, now, a_nurse_of(first), ok=3)
            met(session, now, a_nurse_of(second), ok=2)
            home = a_place(session, first)

        with begin_as(make_sessions(engine), Viewer("c", ViewerRole.COORDINATOR, first.id)) as session:
            link = expected_link(session, place=home, now=now)

        assert link == Link(LinkKind.VIDEO, LinkWhy.MEASURED, date(2026, 3, 1))


class TestListLinks:
    def test_shows_figures_and_what_phones_of_ones_own_service_met(self, engine, now):
        with make_sessions(engine).begin() as session:
            own, foreign = an_organisation(session), an_organisation(session)
            taken(session, now, a_figure(), a_figure(Cell.named("51.20,8.064")))
            met(session, now, a_nurse_of(own), cell=THERE, ok=4, failed=6)
            met(session, now, a_nurse_of(foreign), failed=9, ok=0)

        viewer = Viewer("c", ViewerRole.COORDINATOR, own.id)
        with begin_as(make_sessions(engine), viewer) as session:
            found = list_links(session, bounds=AROUND, viewer=viewer, now=now)
            of_nurse = list_links(session, bounds=AROUND, viewer=a_nurse_of(own), now=now)

        # 4 of 10 exchanges succeeded, fewer than six in ten
        assert [(each.cell, each.link.kind, each.link.why) for each in found] == [
            (HERE, LinkKind.VIDEO, LinkWhy.FIGURES),
            (THERE, LinkKind.NONE, LinkWhy.MEASURED),
        ]
        assert of_nurse == found

    def test_shows_an_analyst_figures_only(self, session, now):
        taken(session, now, a_figure())
        met(session, now, a_nurse_of(an_organisation(session)), cell=THERE)
        analyst = replace(EVERYONE, role=ViewerRole.ANALYST)

        found = list_links(session, bounds=AROUND, viewer=analyst, now=now)

        assert [each.cell for each in found] == [HERE]
