"""What the sign-in pages say, in German and English."""

from collections.abc import Mapping
from dataclasses import dataclass

from careapp.access import ViewerRole
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
    roles: Mapping[ViewerRole, str]
    change_password: str
    old_password: str
    new_password: str
    new_password_hint: str
    weak_password: str
    password_changed: str
    app: str
    app_hint: str
    app_begin: str
    app_scan: str
    app_key: str
    app_confirm: str
    app_added: str
    app_is_on: str
    app_remove: str
    app_removed: str
    passkeys: str
    passkey_hint: str
    passkey_name: str
    passkey_add: str
    passkey_added: str
    passkey_remove: str
    passkey_removed: str
    others: str
    others_close: str
    others_closed: str
    not_right_password: str
    of_provider: str


GERMAN = Texts(
    language=Language.GERMAN,
    other_language="English",
    service="Touren und Videosprechstunden",
    sign_in="Anmelden",
    login="Benutzername",
    password="Passwort",
    wrong_password="Benutzername oder Passwort ist falsch.",
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
    roles={
        ViewerRole.COORDINATOR: "Einsatzleitung",
        ViewerRole.NURSE: "Pflege",
        ViewerRole.DOCTOR: "Ärztin oder Arzt",
        ViewerRole.ADMINISTRATOR: "Administration",
        ViewerRole.ANALYST: "Regionale Auswertung",
        ViewerRole.AUDITOR: "Prüfung der Zugriffe",
        ViewerRole.SUPPORT: "Betreuung des Dienstes",
        ViewerRole.CLIENT: "Anderes System",
        ViewerRole.SYSTEM: "Dieser Rechner",
    },
    change_password="Passwort ändern",
    old_password="Bisheriges Passwort",
    new_password="Neues Passwort",
    new_password_hint="12 bis 128 Zeichen; ein Satz ist besser als Sonderzeichen.",
    weak_password="Das neue Passwort ist zu kurz oder zu leicht zu erraten.",
    password_changed="Das Passwort ist geändert, alle anderen Browser sind abgemeldet.",
    app="Authenticator-App",
    app_hint="Danach fragt die Anmeldung zusätzlich nach einem Code Ihrer App.",
    app_begin="App einrichten",
    app_scan="Scannen Sie das Bild mit Ihrer App, und geben Sie den Code ein, den sie zeigt.",
    app_key="Oder geben Sie diesen Schlüssel ein:",
    app_confirm="Code prüfen",
    app_added="Die App ist eingerichtet.",
    app_is_on="Eine App ist eingerichtet.",
    app_remove="App entfernen",
    app_removed="Die App ist entfernt.",
    passkeys="Passkeys",
    passkey_hint="Ein Passkey meldet Sie ohne Passwort an: mit Finger, Gesicht oder PIN Ihres Geräts.",
    passkey_name="Name des Geräts",
    passkey_add="Passkey hinzufügen",
    passkey_added="Der Passkey ist hinzugefügt.",
    passkey_remove="Passkey entfernen: {name}",
    passkey_removed="Der Passkey ist entfernt.",
    others="Andere Browser",
    others_close="Überall sonst abmelden",
    others_closed="Alle anderen Browser sind abgemeldet.",
    not_right_password="Das Passwort ist falsch.",
    of_provider="Passwort und zweite Schritte verwaltet der Anmeldedienst Ihrer Organisation.",
    privacy="Wir setzen nur Cookies, ohne die eine Anmeldung nicht geht.",
)

ENGLISH = Texts(
    language=Language.ENGLISH,
    other_language="Deutsch",
    service="Tours and video consultations",
    sign_in="Sign in",
    login="User name",
    password="Password",
    wrong_password="User name or password is wrong.",
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
    roles={
        ViewerRole.COORDINATOR: "Coordinator",
        ViewerRole.NURSE: "Nurse",
        ViewerRole.DOCTOR: "Doctor",
        ViewerRole.ADMINISTRATOR: "Administrator",
        ViewerRole.ANALYST: "Regional analyst",
        ViewerRole.AUDITOR: "Auditor",
        ViewerRole.SUPPORT: "Support",
        ViewerRole.CLIENT: "Another system",
        ViewerRole.SYSTEM: "This machine",
    },
    change_password="Change password",
    old_password="Password so far",
    new_password="New password",
    new_password_hint="12 to 128 characters; a sentence is better than special characters.",
    weak_password="The new password is too short or too easily guessed.",
    password_changed="The password is changed, all other browsers are signed out.",
    app="Authenticator app",
    app_hint="From then on, signing in also asks for a code of your app.",
    app_begin="Set up an app",
    app_scan="Scan the picture with your app and enter the code that it shows.",
    app_key="Or enter this key:",
    app_confirm="Check the code",
    app_added="The app is set up.",
    app_is_on="An app is set up.",
    app_remove="Remove the app",
    app_removed="The app is removed.",
    passkeys="Passkeys",
    passkey_hint="A passkey signs you in without a password: with your device's finger, face or PIN.",
    passkey_name="Name of the device",
    passkey_add="Add a passkey",
    passkey_added="The passkey is added.",
    passkey_remove="Remove passkey: {name}",
    passkey_removed="The passkey is removed.",
    others="Other browsers",
    others_close="Sign out everywhere else",
    others_closed="All other browsers are signed out.",
    not_right_password="The password is wrong.",
    of_provider="Password and second steps are managed by your organisation's sign-in provider.",
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
