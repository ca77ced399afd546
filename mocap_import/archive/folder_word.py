"""Folder words: what names of folders say by themselves: a session, a condition, a group of people, a person's code."""

from __future__ import annotations

import re
import unicodedata

from mocap_import.task_word import is_task_word

_NUMBER = r"[-_. ]?\d{1,3}"
_SESSION = re.compile(
    r"(ses|session|sitzung|visit|visite|visita|besuch|day|termin|messung|mesure|misura|medicion|meting|measurement"
    r"|kontrolle|controle|controllo|control|zeitpunkt|timepoint|pre|post|prae|baseline|follow[-_ ]?up"
    r"|nachuntersuchung|untersuchung|exam|examen|assessment|test|retest)"
    rf"([-_. ]?(op|surgery|test|intervention|training|treatment))?({_NUMBER}|[-_. ][a-d])?"
    rf"|(tag|jour|giorno|dia|dag|week|woche|semaine|month|monat|mois){_NUMBER}"
    r"|(\d{4}[-_. ]?\d{2}[-_. ]?\d{2}|\d{1,2}[-_.]\d{1,2}[-_.]\d{2,4})"
)
_CONDITION = re.compile(
    r"(barefoot|shod|shoes?|fast|slow|normal|comfortable|preferred|treadmill|overground|left|right|raw|processed|exports?"
    r"|barfuss|mit[-_ ]schuhen|ohne[-_ ]schuhe|schuhe|orthesen?|orthos[ie]s|ortesi|ortesis|afo|kafo|braced?|schiene"
    r"|prothese|prosthesis|einlagen?|insoles?|langsam|laufband|links|rechts"
    r"|pieds?[-_ ]?nus|chaussures?|chausse|lent|scalzo|scarpe|tutore|descalzo|zapatos|blootsvoets|schoenen"
    rf"|ganganalyse|gehen|laufen|rennen|marche|marcha|camminata|lopen|statik|statisch|statique|aufnahmen?|versuche?)"
    rf"({_NUMBER}|[-_. ][a-d])?"
)
"""Words that are family names too (Schnell, Boden, Schuh, Dag, Gang) are left out: a person is more often meant."""
_GROUP = re.compile(
    r"(controls?|kontrollen|kontrollgruppe|patients?|patienten|healthy|gesunde?|probanden|participants?|subjects?|teilnehmer"
    r"|groups?|gruppen?|cohorts?|kohorte|stud(y|ies)|studien?|sites?|centers?|centres?|labs?|clinics?|klinik|adults?"
    r"|children|kinder|youth|elderly|males?|females?|men|women|archive?|recordings?|aufnahmen|daten|(19|20)\d\d)"
    r"([-_ ]?([a-z]|\d{1,2}))?"
)
_MOMENT = re.compile(r"[tvmd]\d{1,2}")
_PERSON_CODE = re.compile(r"(?![tvmd]\d{1,2}$)[a-z]{0,5}[-_ ]?\d{1,4}[a-z]{0,2}")


def folded(name: str) -> str:
    """A name as it is compared: Unicode NFC, without regard to capitals; nothing else of it is left out."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).strip().casefold())


def plain_letters(name: str) -> str:
    """Small letters without marks, for comparing with words: ``Barfuß`` → ``barfuss``."""
    parts = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


def is_session_word(name: str) -> bool:
    """A day, a visit or a date."""
    return _SESSION.fullmatch(plain_letters(name)) is not None


def is_known_word(name: str) -> bool:
    """A task, a condition or a session, so that a folder of that name is no subject's."""
    return is_task_word(name) or is_session_word(name) or is_condition_word(name)


def is_condition_word(name: str) -> bool:
    """How the subject moved: shoes, speed, orthosis, ground; or what was done with the file."""
    return _CONDITION.fullmatch(plain_letters(name)) is not None


def is_moment_word(name: str) -> bool:
    """``T1``, ``V2``, ``M3``, ``D1``: a moment of measurement where a person's folder is above it, else a code."""
    return _MOMENT.fullmatch(plain_letters(name)) is not None


def is_group_word(name: str) -> bool:
    """Several people: controls, a study, a site, a year."""
    return _GROUP.fullmatch(plain_letters(name)) is not None


def is_person_code(name: str) -> bool:
    """``P01``, ``S3``, ``HC002D``, ``007``: a code that laboratories give to people."""
    return _PERSON_CODE.fullmatch(plain_letters(name)) is not None
