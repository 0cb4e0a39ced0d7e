"""What the page says that asks a person to agree, in German and English."""

from collections.abc import Mapping
from dataclasses import dataclass

from careapp.identity.models import Language
from fhir.scopes import (
    ANY_KIND,
    FHIR_USER,
    OFFLINE,
    Context,
    Interaction,
    Scope,
)


@dataclass(frozen=True)
class Texts:
    """Its sentences in one language; `{…}` is filled in where it is used."""

    title: str
    question: str
    wishes: str
    patient: str
    choose: str
    only_some: str
    no_patient: str
    allow: str
    deny: str
    refused: str
    refused_title: str
    unknown_client: str
    bad_address: str
    whose: Mapping[Context, str]
    everything: str
    does: Mapping[Interaction, str]
    further: Mapping[str, str]
    narrowed: str

    def of_scope(self, scope: Scope) -> str:
        """Say what a scope allows."""
        done = ", ".join(words for letter, words in self.does.items() if letter in scope.interactions)
        kind = self.everything if scope.kind == ANY_KIND else scope.kind
        limits = "" if scope.query is None else f" {self.narrowed.format(query=scope.query)}"
        return f"{kind}: {done} – {self.whose[scope.context]}{limits}"


GERMAN = Texts(
    title="Zugriff erlauben?",
    question="„{client}“ möchte in Ihrem Namen zugreifen. Sie sind angemeldet als {who}.",
    wishes="Das soll erlaubt sein:",
    patient="Um wen geht es?",
    choose="Bitte wählen",
    only_some="Die Liste zeigt die ersten {count} nach Namen.",
    no_patient="Sie sehen niemanden, um den es gehen könnte.",
    allow="Erlauben",
    deny="Ablehnen",
    refused="Die Anwendung, die Sie hierher geschickt hat, fragt nicht so, wie sie angemeldet ist. "
    "Gehen Sie zurück, und sagen Sie es deren Betreiber.",
    refused_title="So geht es nicht weiter",
    unknown_client="Die Anwendung ist hier nicht bekannt.",
    bad_address="Die Adresse für die Antwort ist nicht die angemeldete.",
    whose={
        Context.PATIENT: "nur von der gewählten Person",
        Context.USER: "soweit Sie es selbst dürfen",
        Context.SYSTEM: "soweit die Anwendung es darf",
    },
    everything="Alle Daten",
    does={
        Interaction.READ: "lesen",
        Interaction.SEARCH: "suchen",
        Interaction.CREATE: "anlegen",
        Interaction.UPDATE: "ändern",
        Interaction.DELETE: "löschen",
    },
    further={
        OFFLINE: "Zugriff auch, wenn Sie nicht angemeldet sind, bis Sie es beenden",
        FHIR_USER: "Wissen, wer Sie sind",
    },
    narrowed="(nur {query})",
)

ENGLISH = Texts(
    title="Allow access?",
    question="“{client}” asks for access in your name. You are signed in as {who}.",
    wishes="It would be allowed:",
    patient="Whom is it about?",
    choose="Please choose",
    only_some="The list shows the first {count} by name.",
    no_patient="You see nobody whom it could be about.",
    allow="Allow",
    deny="Deny",
    refused="The application that sent you here does not ask as it is registered. "
    "Go back, and tell those who run it.",
    refused_title="This does not lead on",
    unknown_client="The application is not known here.",
    bad_address="The address for the answer is not the registered one.",
    whose={
        Context.PATIENT: "only of the person you choose",
        Context.USER: "as far as you may yourself",
        Context.SYSTEM: "as far as the application may",
    },
    everything="All data",
    does={
        Interaction.READ: "read",
        Interaction.SEARCH: "search",
        Interaction.CREATE: "create",
        Interaction.UPDATE: "change",
        Interaction.DELETE: "delete",
    },
    further={
        OFFLINE: "Access also while you are not signed in, until you end it",
        FHIR_USER: "To know who you are",
    },
    narrowed="(only {query})",
)

TEXTS: Mapping[Language, Texts] = {Language.GERMAN: GERMAN, Language.ENGLISH: ENGLISH}
