"""Put the application together."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from functools import partial
from importlib.metadata import version
from threading import Event

from fastapi import FastAPI
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from api import errors
from api.auth.bearer import Tokens, bearer
from api.auth.cookie import WebSessions, cookie
from api.auth.external import external_of
from api.auth.server.client_keys import ClientKeys
from api.auth.signing_in import SignIn
from api.calls.admission import Admission
from api.calls.ice import Ice
from api.calls.leases import Leases
from api.calls.rooms import Rooms
from api.database import chain_of, open_sessions, opened
from api.edge.door import Door
from api.edge.rates import Rates
from api.later import AnswersLater, finish
from api.middleware import BodyLimit, Surroundings
from api.openapi import describe
from api.reading import FileLooks, TidySlots, make_readers
from api.recording import Recording, watch_rows
from api.routers import ROUTERS
from api.worker_command import command_for
from careapp import clock, migrate, row_security
from careapp.calendar import Calendar
from careapp.calls.providers import choose_provider
from careapp.config import Settings
from careapp.db import make_reading_sessions
from careapp.identity.accounts import refuse_demo_accounts
from careapp.jobs.supervisor import Supervisor
from careapp.keys import Keyring
from careapp.notices.delivery import NoticePost
from careapp.records.audit_writer import running
from careapp.records.chain import Chain
from careapp.records.keys import shared_key
from careapp.records.sealing import Sealer
from careapp.roads.engine import stop_all
from careapp.roads.geocoders import choose_geocoder
from careapp.roads.keeper import RoadKeeper
from careapp.scheduler import TICKS, start_scheduler
from careapp.sealing.guard import require_keys
from careapp.subscriptions.delivery import Post
from careapp.subscriptions.postman import Postman
from fhir.subscriptions.notices import write_notice
from fhir.subscriptions.spreading import Spreader

DESCRIPTION = """
Plans community nurses' daily tours in a rural region and offers doctors' video slots that fit them.

Times are RFC 3339 with an offset, ways in metres, durations in seconds, cost in points (one point is one
second of travel). A list answers pages: follow `next` until it is null. An error is a problem in detail
(RFC 9457); under `/fhir` it is an OperationOutcome. There is no sign-in yet, so the service answers on
loopback only. This document is the only one: no page here loads anything from elsewhere.
"""
TAGS = [
    {"name": "days", "description": "A local day: demand, plan, publication."},
    {"name": "jobs", "description": "Long work: state, progress, cancellation."},
    {"name": "tours", "description": "What each nurse drives, as the coordinator sees it."},
    {"name": "nurses", "description": "Nurses, their shifts and absences, and each one's own day."},
    {"name": "visits", "description": "Planned home visits."},
    {"name": "patients", "description": "People who receive care."},
    {"name": "places", "description": "Addresses and where they are."},
    {"name": "orders", "description": "Standing demand, from which visits are made."},
    {"name": "consultations", "description": "Doctors' video slots and their booking."},
    {"name": "assisted", "description": "Video consultations with a nurse beside the patient, in her tour."},
    {"name": "waiting", "description": "Who waits for a consultation, and times that are kept for them."},
    {"name": "coverage", "description": "Where a video call is likely to hold."},
    {"name": "notices", "description": "What patients are told, and doctors' calendars."},
    {"name": "calls", "description": "The video calls of bookings: links, waiting room, admission."},
    {"name": "help", "description": "Nurses of other services, for a visit that nobody else can make."},
    {"name": "roads", "description": "Where travel times come from; closed roads."},
    {"name": "figures", "description": "The region in figures; nobody can be recognised."},
    {"name": "access", "description": "Who gets to see more for a time: emergencies, support."},
    {"name": "fhir", "description": "The same data as FHIR R4; `/fhir/metadata` tells what is offered."},
    {"name": "map", "description": "The ground of the map: tiles or a plain one, and whose data it is."},
    {"name": "me", "description": "Who is signed in."},
    {"name": "about", "description": "Version, sources, terms of use."},
    {"name": "health", "description": "For whoever watches over the service."},
]
MOST_BODY_BYTES = 1_000_000


def create_app(settings: Settings, *, engine: Engine | None = None, runs_jobs: bool = True) -> FastAPI:
    """Make the application.

    Args:
        settings: See `careapp.config`.
        engine: A database in use elsewhere, which stays open; None opens the one that the settings name.
        runs_jobs: False leaves jobs and the evening's planning to another process.
    """
    app = FastAPI(
        title="careapp",
        version=version("careapp"),
        description=DESCRIPTION,
        openapi_tags=TAGS,
        openapi_url=None,  # FastAPI's own route would carry no policy; `routers.about` has ours
        # FastAPI's own pages load their scripts from a foreign host.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=partial(_lifespan, settings=settings, engine=engine, runs_jobs=runs_jobs),
    )
    app.state.settings = settings
    app.state.calendar = Calendar.of(settings)
    app.state.geocoder = choose_geocoder(settings)
    app.state.video = choose_provider(settings)
    app.state.stopping = Event()
    app.state.started_at = clock.now()
    app.state.later = set()
    app.state.clock = clock.now  # for what is asked outside of routes
    app.state.web_sessions = WebSessions(settings)
    app.state.ways = (bearer, cookie)
    app.state.rooms = Rooms(Ice(settings))
    app.state.admission = Admission(app)
    watch_rows()
    app.add_middleware(Recording)
    app.add_middleware(AnswersLater)
    app.add_middleware(
        BodyLimit, most_bytes=MOST_BODY_BYTES, most_fhir_bytes=settings.fhir_body_mb * 1_000_000
    )
    app.state.rates = Rates(settings)
    app.add_middleware(Door, settings=settings, rates=app.state.rates)
    app.add_middleware(Surroundings, is_public=settings.is_public)
    errors.install(app)
    for router in ROUTERS:
        app.include_router(router)
    app.openapi = describe(app)  # type: ignore[method-assign]  # FastAPI documents this way of extending it
    return app


@asynccontextmanager
async def _lifespan(
    app: FastAPI, *, settings: Settings, engine: Engine | None, runs_jobs: bool
) -> AsyncIterator[None]:
    with nullcontext(engine) if engine is not None else opened(settings) as database:
        migrate.require_current(database)
        row_security.require_fenced(database)
        app.state.engine = database
        app.state.audit_chain = chain_of(settings)
        app.state.sessions = open_sessions(database, app.state.audit_chain)
        require_keys(app.state.sessions)
        app.state.reading_sessions = make_reading_sessions(database)
        app.state.keyring = Keyring.open(settings)
        app.state.client_keys = ClientKeys(settings)
        app.state.leases = Leases(database)
        app.state.tokens = Tokens(app.state.reading_sessions, settings)
        app.state.readers = make_readers()
        app.state.tidy_slots = TidySlots(app.state.sessions, app.state.reading_sessions, app.state.readers)
        app.state.file_looks = FileLooks(
            app.state.sessions, app.state.reading_sessions, app.state.readers, app.state.audit_chain
        )
        app.state.page_key = shared_key(app.state.sessions, "fhir-pages")
        if settings.is_public:
            with app.state.reading_sessions.begin() as session:
                refuse_demo_accounts(session)
        app.state.web_sessions.use(app.state.reading_sessions, app.state.sessions)
        app.state.sign_in = SignIn(settings, app.state.sessions, app.state.keyring)
        app.state.external = external_of(settings, app.state.sign_in, app.state.keyring)
        with (
            running(app.state.sessions, app.state.audit_chain) as app.state.audit_writer,
            supervised(app.state.sessions, settings, app.state.audit_chain) if runs_jobs else nullcontext(),
        ):
            yield
            await finish(app.state.later)


@contextmanager
def supervised(sessions: sessionmaker[Session], settings: Settings, chain: Chain) -> Iterator[None]:
    """Do queued jobs and what is due by itself until the block ends; unfinished jobs go back to the queue."""
    supervisor = Supervisor(sessions, command_for(settings), settings, clock.now)
    supervisor.start()
    ticks = (*TICKS, Sealer(chain))
    scheduler = start_scheduler(sessions=sessions, settings=settings, now=clock.now, ticks=ticks)
    roads = RoadKeeper(make_reading_sessions(sessions.kw["bind"]), settings, clock.now)
    roads.start()
    post = Post(sessions, settings, clock.now, spread=Spreader(settings.zone_info), write=write_notice)
    postmen = [Postman(post), Postman(NoticePost(sessions, settings, clock.now))]
    for postman in postmen:
        postman.start()
    try:
        yield
    finally:
        for postman in postmen:
            postman.stop()
        roads.stop()
        stop_all()
        scheduler.shutdown()
        supervisor.stop()
