"""What the sign-in pages say, in German and English."""

from dataclasses import dataclass

from careapp.identity.models import Language


@dataclass(frozen=True)
class Texts:
    """All sentences of the pages in one language; `{…}` is filled in where it is used."""

    language: Language
    other_language: str
    service: str
    sign_in: str
    login: str
    password: str
    wrong_password: str
    wait: str
    busy: str
    begin_again: str
    with_provider: str
    with_passkey: str
    passkey_failed: str
    passkey_needs_name: str
    code_title: str
    code: str
    code_hint: str
    wrong_code: str
    go_on: str
    sign_out: str
    sign_out_question: str
    signed_out: str
    signed_out_sentence: str
    sign_in_again: str
    signed_in: str
    cancel: str
    provider_refused: str
    no_right: str
    privacy: str
    account: str
    role: str
    until: str
    language_name: str


GERMAN = Texts(
    language=Language.GERMAN,
    other_language="English",
    service="Touren und Videosprechstunden",
    sign_in="Anmelden",
    login="Benutzername",
    password="Passwort",  # noqa: S106 -- the word
    wrong_password="Benutzername oder Passwort ist falsch.",  # noqa: S106
    wait="Zu viele Versuche. Bitte warten Sie {seconds} Sekunden.",
    busy="Gerade melden sich sehr viele an. Bitte versuchen Sie es gleich noch einmal.",
    begin_again="Die Anmeldung hat zu lange gedauert, oder Ihr Browser nimmt keine Cookies an. "
    "Bitte beginnen Sie noch einmal.",
    with_provider="Über den Anmeldedienst der Organisation anmelden",
    with_passkey="Mit Passkey anmelden",
    passkey_failed="Der Passkey wurde nicht angenommen.",
    passkey_needs_name="Passkeys gehen nur unter einem Namen, nicht unter einer IP-Adresse: "
    "Öffnen Sie diese Seite unter localhost.",
    code_title="Zweiter Schritt",
    code="Code aus Ihrer Authenticator-App",
    code_hint="Sechs Ziffern",
    wrong_code="Der Code ist falsch oder schon benutzt.",
    go_on="Weiter",
    sign_out="Abmelden",
    sign_out_question="Möchten Sie sich abmelden?",
    signed_out="Abgemeldet",
    signed_out_sentence="Sie sind abgemeldet.",
    sign_in_again="Wieder anmelden",
    signed_in="Sie sind angemeldet.",
    cancel="Abbrechen",
    provider_refused="Der Anmeldedienst hat Sie nicht angemeldet. Bitte beginnen Sie noch einmal.",
    no_right="Der Anmeldedienst nennt für Sie keine Rolle oder keine Organisation, die hier gilt. "
    "Fragen Sie Ihre Administration.",
    account="Mein Konto",
    role="Rolle",
    until="Angemeldet bis",
    language_name="Sprache",
    privacy="Wir setzen nur Cookies, ohne die eine Anmeldung nicht geht.",
)

ENGLISH = Texts(
    language=Language.ENGLISH,
    other_language="Deutsch",
    service="Tours and video consultations",
    sign_in="Sign in",
    login="User name",
    password="Password",  # noqa: S106 -- the word
    wrong_password="User name or password is wrong.",  # noqa: S106
    wait="Too many attempts. Please wait {seconds} seconds.",
    busy="Very many people are signing in. Please try again in a moment.",
    begin_again="Signing in took too long, or your browser takes no cookies. Please begin again.",
    with_provider="Sign in through your organisation",
    with_passkey="Sign in with a passkey",
    passkey_failed="The passkey was not accepted.",
    passkey_needs_name="Passkeys need a name, not an IP address: open this page under localhost.",
    code_title="Second step",
    code="Code of your authenticator app",
    code_hint="Six digits",
    wrong_code="The code is wrong or was used before.",
    go_on="Continue",
    sign_out="Sign out",
    sign_out_question="Do you want to sign out?",
    signed_out="Signed out",
    signed_out_sentence="You are signed out.",
    sign_in_again="Sign in again",
    signed_in="You are signed in.",
    cancel="Cancel",
    provider_refused="The sign-in provider has not signed you in. Please begin again.",
    no_right="The sign-in provider names no role or no organisation for you that counts here. "
    "Ask your administrator.",
    account="My account",
    role="Role",
    until="Signed in until",
    language_name="Language",
    privacy="We only set cookies without which nobody can sign in.",
)

TEXTS = {Language.GERMAN: GERMAN, Language.ENGLISH: ENGLISH}


def language_of(asked: str | None, accepted: str | None) -> Language:
    """Return the language of a page: as asked for, else the browser's first that we speak, else German.

    Args:
        asked: `de` or `en`, from the address.
        accepted: The header `Accept-Language` (RFC 9110, 12.5.4).
    """
    if asked in {each.value for each in Language}:
        return Language(asked)
    wishes = []
    for place, each in enumerate((accepted or "")[:200].split(",")):
        tag, _, weight = each.partition(";")
        code = tag.strip().lower().partition("-")[0]
        if code in {known.value for known in Language}:
            wishes.append((-_weight(weight), place, code))
    return Language(min(wishes)[2]) if wishes else Language.GERMAN


def _weight(written: str) -> float:
    try:
        return float(written.strip().removeprefix("q="))
    except ValueError:
        return 1.0
