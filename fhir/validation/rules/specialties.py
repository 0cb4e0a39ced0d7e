"""The value set of specialties (Fachrichtungen) that ISiK requires.

http://ihe-d.de/ValueSets/IHEXDSpracticeSettingCode, published by IHE Deutschland: the codes of two systems.
"""

from collections.abc import Mapping

from fhir.mapping import codes

_DOCTORS = """
    ALLG ANAE ARBE AUGE CHIR ALCH GFCH HZCH KDCH ORTH PLCH THCH UNFC VICH FRAU GEND GONK PERI GERI
    HNOH HRST HAUT HIST HUMA HYGI INNE ANGI ENDO GAST HAEM KARD NEPH PNEU RHEU INTM INTZ INTO INTS
    TRPL SELT KIJU KONK KKAR NNAT NPAE KPSY LABO MIKR MKGC NATU NOTF NRCH NEUR NUKL GESU PALL PATH
    NPAT PHAR TOXI REHA PSYC FPSY PSYM RADI KRAD NRAD RECH SCHL SPOR STRA TRAN TROP UROL MZKH ORAL
    KIEF PARO
"""
_OTHERS = """
    ERG ERN FOR PFL ALT KIN PAT PHZ POD PRV SOZ SPR VKO VER PST
"""

SPECIALTIES: Mapping[str, frozenset[str]] = {
    codes.SPECIALTY: frozenset(_DOCTORS.split()),
    "http://ihe-d.de/CodeSystems/NichtaerztlicheFachrichtungen": frozenset(_OTHERS.split()),
}
"""Codes by system."""
