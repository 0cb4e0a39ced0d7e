"""What the pages of joining say, in German and English."""

from dataclasses import dataclass

from careapp.calls.models import CallPart
from careapp.identity.models import Language


@dataclass(frozen=True)
class JoinTexts:
    """All sentences of the pages in one language; `{…}` is filled in where it is used."""

    title: str
    intro: str
    code: str
    code_hint: str
    go_on: str
    unknown: str
    used: str
    over: str
    early: str
    off: str
    consent: str
    invited_by: str
    at: str
    you_are: str
    parts: dict[CallPart, str]
    room: str
    waiting: str
    look: str
    doctor_not_there: str
    admitted: str
    enter: str
    provider: str
    provider_hint: str
    wait: str
    refused: str
    ended: str
    leave: str
    left: str
    left_hint: str


GERMAN = JoinTexts(
    title="Zur Videosprechstunde",
    intro="Sie brauchen kein Konto. Ihr Link gilt nur für Sie und nur einmal.",
    code="Code aus Ihrem Link",
    code_hint="Alles, was in der Einladung nach dem Zeichen # steht.",
    go_on="Weiter",
    unknown="Dieser Link gilt nicht. Vielleicht gibt es einen neueren; sonst fragen Sie in der Praxis nach.",
    used="Dieser Link wurde schon benutzt. Bitte fragen Sie nach einem neuen.",
    over="Die Zeit für diesen Termin ist vorbei. Fragen Sie in der Praxis nach einem neuen.",
    early="Sie sind früh dran. Bitte kommen Sie um {time} Uhr wieder; Ihr Link bleibt gültig.",
    off="Dieser Termin findet nicht statt. Fragen Sie in der Praxis nach.",
    consent="Einverständnis",
    invited_by="Videosprechstunde mit {name}",
    at="{date}, {time} Uhr",
    you_are="Sie nehmen teil als: {name} ({part})",
    parts={
        CallPart.DOCTOR: "Ärztin oder Arzt",
        CallPart.NURSE: "Pflege",
        CallPart.PATIENT: "Patientin oder Patient",
        CallPart.GUEST: "Gast",
    },
    room="Wartezimmer",
    waiting="Bitte warten Sie, Sie werden hereingebeten.",
    look="Nachsehen, ob ich an der Reihe bin",
    doctor_not_there="Die Ärztin oder der Arzt ist noch nicht da.",
    admitted="Sie werden hereingebeten.",
    enter="Zum Videogespräch",
    provider="Zum Videodienst",
    provider_hint="Das Gespräch findet bei einem zertifizierten Videodienst statt. "
    "Dieser Link gilt eine Minute lang und nur für Sie.",
    wait="Ins Wartezimmer",
    refused="Sie wurden nicht hereingebeten. Fragen Sie in der Praxis nach.",
    ended="Das Gespräch ist beendet.",
    leave="Verlassen",
    left="Sie haben die Videosprechstunde verlassen.",
    left_hint="Sie können dieses Fenster schließen. Um wiederzukommen, brauchen Sie einen neuen Link.",
)

ENGLISH = JoinTexts(
    title="To the video consultation",
    intro="You need no account. Your link is for you alone and works once.",
    code="Code of your link",
    code_hint="All that follows the sign # in the invitation.",
    go_on="Continue",
    unknown="This link is not valid. There may be a newer one; otherwise ask the practice.",
    used="This link was used before. Please ask for a new one.",
    over="The time of this appointment is over. Ask the practice for a new one.",
    early="You are early. Please come again at {time}; your link stays valid.",
    off="This appointment does not take place. Ask the practice.",
    consent="Consent",
    invited_by="Video consultation with {name}",
    at="{date}, {time}",
    you_are="You take part as: {name} ({part})",
    parts={
        CallPart.DOCTOR: "doctor",
        CallPart.NURSE: "nurse",
        CallPart.PATIENT: "patient",
        CallPart.GUEST: "guest",
    },
    room="Waiting room",
    waiting="Please wait, you will be asked in.",
    look="See whether it is my turn",
    doctor_not_there="The doctor is not there yet.",
    admitted="You are asked in.",
    enter="To the video call",
    provider="To the video service",
    provider_hint="The call takes place at a certified video service. "
    "This link is good for a minute and for you alone.",
    wait="To the waiting room",
    refused="You were not asked in. Ask the practice.",
    ended="The call has ended.",
    leave="Leave",
    left="You have left the video consultation.",
    left_hint="You can close this window. To come again you need a new link.",
)

TEXTS = {Language.GERMAN: GERMAN, Language.ENGLISH: ENGLISH}
