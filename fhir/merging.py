"""What another system sent and what our row shows now, as one document.

The row is the truth: what it shows differs from what was sent only where a person or another system has
changed it since, or where it knows better. Everything else comes back as it was sent. So three documents are
merged: the sent one, the one that the row showed right after that, and the one that it shows now.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from fhir.mapping.elements import Json

SENDERS_OWN = frozenset(
    {"use", "display", "text", "type", "intent", "mode", "country", "requester", "author"}
)
"""What says the same as ours in another way, or better: the sender's stays while ours has not changed."""

IDENTITY = frozenset({"code", "value", "reference", "url", "system"})
"""Two items of a list that differ here are two things."""

CHOICES = ("bounds", "occurrence", "deceased", "multipleBirth", "asNeeded", "quantity", "value")
"""Elements of which only one form may stand: `boundsPeriod` or `boundsDuration`."""

RIVALS = (frozenset({"timeOfDay", "when"}),)
"""Pairs that exclude each other (tim-10)."""

_NOTHING: Json = {}


def merge(sent: Json, before: Json, now: Json) -> Json:
    """Return the document to be shown.

    Args:
        sent: What another system sent.
        before: What the row showed right after that.
        now: What it shows.

    Returns:
        A new document with `now`'s id; `meta` has the tags, labels, profiles and source of both.
    """
    elements = {name: value for name, value in sent.items() if name not in {"resourceType", "id", "meta"}}
    if _without_meta(before) != _without_meta(now):
        elements.pop("text", None)  # a narrative tells what was, and nobody can tell what in it still holds
    own = {name: value for name, value in now.items() if name not in {"resourceType", "id", "meta"}}
    return {
        "resourceType": now["resourceType"],
        "id": now["id"],
        "meta": _meta(sent.get("meta", _NOTHING), now["meta"]),
        **_object(elements, before, own),
    }


def _without_meta(document: Json) -> Json:
    return {name: value for name, value in document.items() if name != "meta"}


def _meta(sent: Json, own: Json) -> Json:
    merged = {name: value for name, value in own.items() if name in {"versionId", "lastUpdated"}}
    merged["profile"] = list(dict.fromkeys([*own.get("profile", ()), *sent.get("profile", ())]))
    for name in ("security", "tag"):
        labels = list(own.get(name, ()))
        for label in sent.get(name, ()):
            if not any(_marks(label) == _marks(other) for other in labels):
                labels.append(label)
        merged[name] = labels
    for name in ("source", "extension"):
        merged[name] = sent.get(name)
    return {name: value for name, value in merged.items() if value}


def _marks(label: Json) -> tuple[Any, Any]:
    return label.get("system"), label.get("code")


def _object(sent: Json, before: Json, now: Json) -> Json:
    merged: Json = {}
    for name in dict.fromkeys(name.removeprefix("_") for name in sent):
        merged |= _element(name, sent, before, now)
    for name in dict.fromkeys(name.removeprefix("_") for name in now):
        if name in sent or name in merged:
            continue
        rivals = [other for other in merged if _is_rival(name, other)]
        if rivals and before.get(name) == now.get(name):
            continue
        for other in rivals:
            merged.pop(other)
            merged.pop(f"_{other}", None)
        merged.pop(f"_{name}", None)
        merged |= _both(name, now)
    return merged


def _element(name: str, sent: Json, before: Json, now: Json) -> Json:
    """One element, with its `_name` beside it."""
    if name not in now:
        if name not in before:
            return _both(name, sent)
        if _is_list_of_objects(sent.get(name)) and _is_list_of_objects(before[name]):
            left = _list(sent[name], before[name], [])
            return {name: left} if left else {}
        return {}
    if name not in sent:
        return {}
    old, value, new = sent[name], before.get(name), now[name]
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        if not _same_reference(old, new):
            return _both(name, sent if name in SENDERS_OWN and value == new else now)
        return {name: _object(dict(old), _as_object(value), dict(new))}
    if _is_list_of_objects(old) and _is_list_of_objects(new):
        return {name: _list(old, _as_list(value), new)}
    stays = _says(old, new) or (name in SENDERS_OWN and value == new and isinstance(old, str))
    if not stays:
        return _both(name, now)
    beside = sent.get(f"_{name}", now.get(f"_{name}") if old == new else None)
    return {name: old} if beside is None else {name: old, f"_{name}": beside}


def _list(sent: Sequence[Json], before: Sequence[Json], now: Sequence[Json]) -> list[Json]:
    """Items as they were sent, with what ours adds; what has gone is left out, what is new comes last."""
    old_pairs, new_pairs = _pairs(before, sent), _pairs(now, sent)
    merged = []
    for number, item in enumerate(sent):
        if number in new_pairs:
            old = before[old_pairs[number]] if number in old_pairs else _NOTHING
            merged.append(_object(item, old, now[new_pairs[number]]))
        elif number not in old_pairs:
            merged.append(item)
    taken = set(new_pairs.values())
    return [*merged, *(item for number, item in enumerate(now) if number not in taken)]


def _pairs(ours: Sequence[Json], sent: Sequence[Json]) -> dict[int, int]:
    """Which sent item is which of ours: sent number to ours, the most alike first."""
    scores = [
        (-score, theirs, number)
        for number, own in enumerate(ours)
        for theirs, item in enumerate(sent)
        if (score := _likeness(item, own))
    ]
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for _, theirs, number in sorted(scores):
        if theirs not in pairs and number not in taken:
            pairs[theirs] = number
            taken.add(number)
    return pairs


def _likeness(sent: Any, own: Any) -> int | None:
    """Count what two objects have in common; None if they are two things."""
    if not (isinstance(sent, Mapping) and isinstance(own, Mapping)):
        return None
    total = 0
    for name in sent.keys() & own.keys():
        old, new = sent[name], own[name]
        if isinstance(old, Mapping):
            found = _likeness(old, new)
        elif _is_list_of_objects(old) and _is_list_of_objects(new):
            pairs = _pairs(new, old)
            # An extension within may be missing on one side; two sets of codings without a common one differ.
            found = (
                None
                if not pairs and name == "coding"
                else sum(_likeness(old[theirs], new[number]) or 0 for theirs, number in pairs.items())
            )
        elif isinstance(old, list):
            found = sum(any(_says(one, other) for one in old) for other in new)
        else:
            found = int(_says(old, new))
            if not found and name in IDENTITY:
                return None
        if found is None:
            return None
        total += found
    return total


def _says(sent: Any, own: Any) -> bool:
    """Tell whether a sent value says at least what ours does."""
    if isinstance(sent, list) and isinstance(own, list):
        return all(any(_says(one, other) for one in sent) for other in own) or (
            all(isinstance(each, str) for each in (*sent, *own)) and " ".join(sent) == " ".join(own)
        )
    if isinstance(sent, str) and isinstance(own, str):
        return sent == own or sent.partition("/_history/")[0] == own or _is_same_moment(sent, own)
    if isinstance(sent, bool) or isinstance(own, bool):
        return sent is own  # 1 == True
    return bool(sent == own)


def _is_same_moment(one: str, other: str) -> bool:
    if "T" not in one or "T" not in other:
        return False
    try:
        first, second = datetime.fromisoformat(one), datetime.fromisoformat(other)
    except ValueError:
        return False
    return first.tzinfo is not None and second.tzinfo is not None and first == second


def _same_reference(sent: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    if "reference" not in own:
        return True
    return _says(sent.get("reference"), own["reference"])


def _is_rival(name: str, other: str) -> bool:
    if name == other or other.startswith("_"):
        return False
    if frozenset({name, other}) in RIVALS:
        return True
    return any(
        all(each.startswith(prefix) and each[len(prefix) :][:1].isupper() for each in (name, other))
        for prefix in CHOICES
    )


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, Mapping) for each in value)


def _as_object(value: Any) -> Json:
    return dict(value) if isinstance(value, Mapping) else {}


def _as_list(value: Any) -> list[Json]:
    return value if _is_list_of_objects(value) else []


def _both(name: str, source: Json) -> Json:
    return {each: source[each] for each in (name, f"_{name}") if each in source}
