"""A transaction: all its entries or none, however they refer to each other.

https://hl7.org/fhir/R4/http.html#trules. The order in which entries stand does not count: conditions
are looked up before anything is written, then come DELETE, POST, PUT and PATCH, and GET last. Resources that
refer to each other are made in the order of their references; a circle is closed by an update.
"""

from collections import defaultdict, deque
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from fhir.asking import Asking
from fhir.interactions import conditional, writing
from fhir.interactions.entry import READING, Answer, Entry
from fhir.interactions.links import CONDITION, Links, places_of, without
from fhir.interactions.patches import read_change
from fhir.interactions.single import answered, deleted, look, operate, sent_by
from fhir.interactions.work import EntryRefused, Work, at
from fhir.interactions.written import Returns, Written
from fhir.issues import Issue, Malformed, Rejected
from fhir.mapping.elements import Json
from fhir.mapping.registry import RESOURCES
from fhir.projector import project
from fhir.read import DocumentGone, DocumentNotFound, read

ORDER = {resource.kind: number for number, resource in enumerate(RESOURCES)}


def run(session: Session, entries: Sequence[Entry], asking: Asking, returns: Returns) -> list[Answer]:
    """Do all that the entries ask for.

    Args:
        session: A writing transaction; the caller rolls it back if this raises.
        entries: In the bundle's order.
        asking: Who asks, and when.
        returns: What comes back of resources that are written.

    Returns:
        An answer for each entry, in their order.

    Raises:
        EntryRefused: One of them cannot be done.
        Rejected: The documents that all of them make together break a rule.
    """
    transaction = _Transaction(session, asking, [Work(entry) for entry in entries])
    transaction.look_up_conditions()
    transaction.refuse_overlaps()
    transaction.lock()
    transaction.delete()
    transaction.create()
    transaction.operate()
    transaction.change()
    return transaction.finish(returns)


class _Transaction:
    def __init__(self, session: Session, asking: Asking, works: list[Work]) -> None:
        self.session = session
        self.asking = asking
        self.works = works
        self.links = Links()
        self.unfound: set[str] = set()

    def look_up_conditions(self) -> None:
        """Find what conditional entries are about, and learn what each full address stands for."""
        conditioned = [work for work in self.works if work.entry.condition is not None]
        # In one order, since whoever asks with the same condition waits.
        for work in sorted(conditioned, key=lambda each: (each.entry.kind, each.entry.condition or "")):
            entry = work.entry
            with at(entry):
                work.key = conditional.find(
                    self.session, kind=entry.kind, query=entry.condition or "", asking=self.asking
                )
                if work.key is None and entry.method == "PATCH":
                    raise DocumentNotFound(f"no {entry.kind} fits the condition")
                if work.key is None and entry.method == "PUT":
                    conditional.refuse_own_id(entry.kind, entry.resource)
        for work in self.works:
            entry = work.entry
            if entry.full_url is None or entry.method in READING:
                continue
            if entry.full_url in self.links.known or entry.full_url in self.links.awaited:
                raise Malformed(
                    [Issue("duplicate", "another entry has the same address", f"{entry.place}.fullUrl")]
                )
            key = work.id
            if work.creates:
                self.links.awaited.add(entry.full_url)
            elif key is not None:
                self.links.known[entry.full_url] = f"{entry.kind}/{key}"

    def refuse_overlaps(self) -> None:
        """Refuse two entries about one resource: nobody could tell which of them counts.

        Raises:
            EntryRefused: There are such entries, or two creates have the same condition.
        """
        seen = set()
        for work in self.works:
            entry = work.entry
            if entry.method in READING:
                continue
            about = work.id or entry.condition
            if about is None:
                continue
            if (entry.kind, about) in seen:
                with at(entry):
                    raise Rejected(
                        [
                            Issue(
                                "duplicate",
                                "another entry is about the same resource",
                                f"{entry.place}.request.url",
                            )
                        ]
                    )
            seen.add((entry.kind, about))

    def lock(self) -> None:
        """Let nobody else change what is changed here, in the order in which documents are always locked."""
        named = [work for work in self.works if work.entry.method in {"DELETE", "PUT", "PATCH"} and work.id]
        for work in sorted(named, key=lambda each: (ORDER.get(each.entry.kind, -1), each.id or "")):
            entry, key = work.entry, work.id or ""
            with at(entry):
                try:
                    writing.lock(
                        self.session,
                        kind=entry.kind,
                        id=key,
                        asking=self.asking,
                        if_match=entry.if_match,
                        to="d" if entry.method == "DELETE" else "u",
                    )
                except (DocumentGone, DocumentNotFound):
                    continue  # said below, as each interaction says it

    def delete(self) -> None:
        """Do every DELETE."""
        for work in self.works:
            entry, key = work.entry, work.id
            if entry.method != "DELETE":
                continue
            if key is not None:
                with at(entry):
                    writing.apply_delete(self.session, kind=entry.kind, id=key, asking=self.asking)
            work.answer = deleted()

    def create(self) -> None:
        """Make what is new, each after what it refers to."""
        waiting = {work.entry.number: work for work in self.works if work.creates}
        users: dict[str, list[Work]] = defaultdict(list)
        for work in waiting.values():
            _, work.missing = self._rewritten(work.entry)
            for name in work.missing:
                users[name].append(work)
        ready = deque(work for work in waiting.values() if not work.missing)
        in_circles: list[Work] = []

        def done(name: str | None) -> None:
            for user in users.pop(name or "", ()):
                user.missing -= {name}
                if not user.missing and user.entry.number in waiting:
                    ready.append(user)

        while waiting:
            if not ready:
                for name in self._look_up_late(users):
                    done(name)
            if ready:
                work = ready.popleft()
                self._create(work.entry, work)
            else:
                work = self._break_circle(waiting)
                in_circles.append(work)
            del waiting[work.entry.number]
            done(work.entry.full_url)
        self._close_circles(in_circles)

    def operate(self) -> None:
        """Do every operation, e.g. book for a patient who was just made."""
        asking = [work for work in self.works if work.entry.is_operation]
        if asking:
            project(self.session, now=self.asking.now)
        for work in asking:
            with at(work.entry):
                document, missing = self._rewritten(work.entry)
                self._refuse_missing(work.entry, missing)
                work.answer = operate(self.session, work.entry, document, self.asking)

    def change(self) -> None:
        """Do every PUT and PATCH of what was there before."""
        for work in self.works:
            entry, key = work.entry, work.id
            if entry.method not in {"PUT", "PATCH"} or work.applied is not None or key is None:
                continue
            with at(entry):
                document, missing = self._rewritten(entry)
                self._refuse_missing(entry, missing)
                if entry.method == "PATCH":
                    work.applied = writing.apply_patch(
                        self.session,
                        kind=entry.kind,
                        id=key,
                        change=read_change(document),
                        asking=self.asking,
                    )
                    continue
                if work.key is not None:
                    document = conditional.with_id(entry.kind, document, work.key)
                work.applied = writing.apply_update(
                    self.session, kind=entry.kind, id=key, document=document, asking=self.asking
                )

    def finish(self, returns: Returns) -> list[Answer]:
        """Bring documents in step, look at what is asked for, and say what came of each entry."""
        applied = [work for work in self.works if work.applied is not None]
        written = writing.finish(
            self.session, [work.applied for work in applied if work.applied is not None], self.asking
        )
        for work, each in zip(applied, written, strict=True):
            work.answer = answered(each, self.asking, returns)
        answers = []
        for work in self.works:
            with at(work.entry):
                if work.entry.method in READING:
                    work.answer = look(self.session, work.entry, self.asking)
                elif work.answer is None and work.key is not None:  # a conditional create found it
                    work.answer = self._found(work.entry, work.key, returns)
            if work.answer is not None:
                answers.append(work.answer)
        return answers

    def _create(self, entry: Entry, work: Work) -> None:
        with at(entry):
            document, missing = self._rewritten(entry)
            if missing:
                self._refuse_missing(entry, missing - self.links.awaited)
                document = without(document, missing)
            work.applied = writing.apply_create(
                self.session, kind=entry.kind, document=document, asking=self.asking
            )
        if entry.full_url is not None:
            self.links.awaited.discard(entry.full_url)
            self.links.known[entry.full_url] = f"{entry.kind}/{work.applied.key}"

    def _break_circle(self, waiting: dict[int, Work]) -> Work:
        """Make one resource of a circle without what it refers to in it; return its work."""
        named = {work.entry.full_url: work for work in waiting.values()}
        work, walked = next(iter(waiting.values())), list[Work]()
        while work not in walked:
            walked.append(work)
            nowhere = work.missing - self.links.awaited
            with at(work.entry):
                self._refuse_missing(work.entry, nowhere)
            work = named[min(work.missing)]
        circle = walked[walked.index(work) :]
        for number, each in enumerate(circle):
            try:
                with self.session.begin_nested():
                    self._create(each.entry, each)
            except EntryRefused as refused:
                if number == len(circle) - 1 or not isinstance(refused.cause, Rejected):
                    raise
            else:
                return each
        raise AssertionError("a circle has entries")

    def _close_circles(self, works: list[Work]) -> None:
        """Give those that were made before what they refer to their references."""
        if not works:
            return
        project(self.session, now=self.asking.now)
        for work in works:
            entry = work.entry
            with at(entry):
                document, missing = self._rewritten(entry)
                self._refuse_missing(entry, missing)
                if work.applied is not None:
                    key = str(work.applied.key)
                    writing.apply_update(
                        self.session,
                        kind=entry.kind,
                        id=key,
                        document={**document, "id": key},
                        asking=self.asking,
                    )

    def _look_up_late(self, users: dict[str, list[Work]]) -> list[str]:
        """Look for what conditional references mean among what was just made; return those."""
        names = [name for name in users if CONDITION.fullmatch(name)]
        if names:
            project(self.session, now=self.asking.now)
            self.unfound.clear()
        unfound = [name for name in names if not self._found_by(users[name][0].entry, name)]
        if unfound:
            work = users[unfound[0]][0]
            with at(work.entry):
                self._refuse_missing(work.entry, work.missing - self.links.awaited - self.links.known.keys())
        return names

    def _rewritten(self, entry: Entry) -> tuple[Json, frozenset[str]]:
        with at(entry):
            document, missing = self.links.rewrite(sent_by(entry), entry.full_url)
        found = [name for name in missing if self._found_by(entry, name)]
        return self.links.rewrite(sent_by(entry), entry.full_url) if found else (document, missing)

    def _found_by(self, entry: Entry, name: str) -> bool:
        with at(entry):
            return self._look_up(name)

    def _look_up(self, name: str) -> bool:
        condition = CONDITION.fullmatch(name)
        if condition is None or name in self.unfound:
            return False
        kind, query = condition["kind"], condition["query"]
        is_served = kind in ORDER
        key = (
            conditional.find(self.session, kind=kind, query=query, asking=self.asking) if is_served else None
        )
        if key is None:
            self.unfound.add(name)
        else:
            self.links.known[name] = f"{kind}/{key}"
        return key is not None

    @staticmethod
    def _refuse_missing(entry: Entry, missing: frozenset[str]) -> None:
        """Refuse an entry that uses names which stand for nothing.

        Raises:
            Rejected: It uses some; all of them are named.
        """
        if missing:
            sentence = "it refers to what neither an entry of this bundle nor anything here stands for"
            places = sorted(places_of(entry.resource, missing, f"{entry.place}.resource"))
            raise Rejected([Issue("not-found", sentence, place) for place in places])

    def _found(self, entry: Entry, key: UUID, returns: Returns) -> Answer:
        found = read(self.session, kind=entry.kind, id=str(key), viewer=self.asking.viewer)
        written = Written(entry.kind, key, found.version, found.updated_at, found.content, is_created=False)
        return answered(written, self.asking, returns)
