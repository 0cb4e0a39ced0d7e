"""Many interactions at once: a batch, each by itself, or a transaction, all or nothing.

https://hl7.org/fhir/R4/http.html#transaction
"""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

import orjson
from sqlalchemy.orm import Session

from careapp.errors import CareError
from fhir.asking import Asking
from fhir.interactions import transaction
from fhir.interactions.entry import READING, Answer, Entry, read_entry
from fhir.interactions.single import perform
from fhir.interactions.work import EntryRefused
from fhir.interactions.written import Returns
from fhir.issues import Issue, Malformed
from fhir.mapping.elements import Json

MOST_ENTRIES = 2_500
"""Of a bundle. One transaction holds them all, at some 4 ms each; on SQLite nobody else writes meanwhile."""


@dataclass(frozen=True)
class Refusal:
    """What an error is on the wire.

    Attributes:
        status: Of HTTP.
        content: An OperationOutcome, as JSON.
    """

    status: int
    content: bytes


def process(
    session: Session,
    bundle: Json,
    asking: Asking,
    *,
    refuse: Callable[[CareError], Refusal],
    returns: Returns = Returns.MINIMAL,
) -> bytes:
    """Do what the entries of a batch or transaction ask for.

    Args:
        session: A writing transaction; the caller commits, or rolls back if this raises.
        bundle: The Bundle as sent.
        asking: Who asks, and when.
        refuse: Says what an error of a batch's entry is on the wire.
        returns: What comes back of resources that are written; what is read always comes back.

    Returns:
        The answering Bundle as JSON; its entries are in the order of those sent.

    Raises:
        Malformed: It is no batch and no transaction, or a transaction's entry cannot be understood.
        EntryRefused: An entry of a transaction cannot be done; nothing of the transaction may be kept.
    """
    written, is_batch = _entries(bundle), bundle.get("type") == "batch"
    if is_batch:
        answers = [
            _alone(session, number, each, asking, refuse, returns) for number, each in enumerate(written)
        ]
    else:
        entries = [read_entry(number, each, asking.base_url) for number, each in enumerate(written)]
        answers = transaction.run(session, entries, asking, returns)
    answered: Json = {
        "resourceType": "Bundle",
        "type": "batch-response" if is_batch else "transaction-response",
    }
    if answers:
        answered["entry"] = [each.to_fhir() for each in answers]
    return orjson.dumps(answered)


def _entries(bundle: Json) -> list[object]:
    if bundle.get("resourceType") != "Bundle":
        raise Malformed([Issue("invalid", "send a Bundle to this address", "resourceType")])
    if bundle.get("type") not in ("batch", "transaction"):  # perhaps no text at all
        raise Malformed([Issue("code-invalid", "send a bundle of type batch or transaction", "Bundle.type")])
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise Malformed([Issue("structure", "the entries are a list", "Bundle.entry")])
    if len(entries) > MOST_ENTRIES:
        raise Malformed(
            [
                Issue(
                    "too-costly",
                    f"at most {MOST_ENTRIES} entries are taken at once: send several bundles",
                    "Bundle.entry",
                )
            ]
        )
    return entries


def _alone(
    session: Session,
    number: int,
    written: object,
    asking: Asking,
    refuse: Callable[[CareError], Refusal],
    returns: Returns,
) -> Answer:
    """Do one entry of a batch; whatever it fails at leaves nothing and does not touch the others."""
    try:
        entry: Entry = read_entry(number, written, asking.base_url)
        if entry.method in READING:
            return perform(session, entry, asking, returns)
        with session.begin_nested():
            return perform(session, entry, asking, returns)
    except CareError as error:
        refusal = refuse(EntryRefused(number, error))
        return Answer(f"{refusal.status} {HTTPStatus(refusal.status).phrase}", outcome=refusal.content)
