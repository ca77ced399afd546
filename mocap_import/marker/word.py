"""Marker word: what a label says by its words, in the languages laboratories write, and by the letters of its side.

Words are anatomical terms and the abbreviations of published marker sets (Plug-in Gait, Helen Hayes, IOR, van Sint
Jan's palpation atlas), in English, German, Dutch, French, Italian, Spanish and Portuguese.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from mocap_import.marker.label import plain_label

_LANDMARK_WORDS = {
    "asis": "asis asi ias sias eias sia siasa frontasis antasis waistfront pelvisfront beckenvorne bekkenvoor "
    "spinaantsup siasup",
    "psis": "psis psi ips sips eips sip backasis postasis waistback pelvisback beckenhinten bekkenachter spinapostsup",
    "iliac_crest": "iliaccrest ilc icr crest ict csi creteiliaque cresta crestailiaca beckenkamm bekkenkam crete iliac",
    "trochanter": "gtr gt tro troc troch trochanter "
    "greatertrochanter ftc grandtrochanter trocanter trocantere trochanterion granditrocantere granditroc",
    "knee_lateral": "kne kneelat latknee kneeout lfc fle lep le knel knjntln kneelatepicondyle lateralepicondyle",
    "knee_medial": "knm mkne mknee kneemed medknee kneein mfc fme mep me knem medkn kneemedepicondyle medialepicondyle",
    "tibial_tuberosity": "tt tub ttb ttc tubtib tibtub tibialtub tibialtuberosity tibtubercle tuberositas tuberosity "
    "tuberosite tuberosita tuberosidad tuberosidade tubtibiae tuberositastibiae tubtibia tta",
    "ankle_lateral": "ank anklelat latankle ankleout lmal latmal fal "
    "lm lml ankl mall mal latmalleolus malleoluslateralis",
    "ankle_medial": "mma anm mmal mankle anklemed medankle medank anklein tam mm mml ankm medmal medmalleolus",
    "heel": "hee heel cal calc calcaneus fcc ca heelback heelbottom heelcenter heelfoot ferse talon tallone calcanhar "
    "calcaneo calcagno calcaneum fersenbein hiel hielbeen tall tallon talone hacke",
    "toe": "toe toetip mt2 fm2 2mt toe2 l2mt sm zehe orteil alluce dedo met2 forefoot2 fussspitze pointe "
    "hal teen voorvoet punta puntapiede puntale ponta mfk2 zehen grootteen groteteen grosszehe "
    "grosorteil bigtoe hallux halux dedogordo pointepied puntapie pontape",
    "metatarsal_1": "mt1 fm1 1mt d1m met1 toem firstmetatarsal "
    "forefoot1 mtp1 mtt1 meta1 1meta metatarsale1 metatarsien1 mfk1",
    "metatarsal_5": "mt5 fm5 5mt d5m vm met5 toel "
    "fifthmetatarsal forefoot5 mtp5 mtt5 meta5 5meta metatarsale5 metatarsien5 mfk5",
    "acromion": "acr acromion acromium sho shoulder shouldertop sae "
    "schulter schouder epaule hombro ombro spalla acromio ac acrom",
}
_MIDDLE_WORDS = {
    "sacrum": "sacr sacrum vsac vsacral sac s1 s2 sacro kreuzbein heiligbeen sacral",
    "c7": "c7 cv7 c7spinalprocess spinetop",
    "t10": "t10 tv10 th10 d10",
    "clavicle": "clav clavicle ij sjn jugular clavicula incisurajugularis jugulum klavikula giug giugulo "
    "incisuragiugulare",
    "sternum": "strn stern sternum xiphoid px sxs brustbein esternon esterno sterno xyp chest borstbeen",
}
_JOINT_WORDS = {
    "knee": "knee knie genou ginocchio gin rodilla joelho kniegelenk",
    "ankle": "ankle knochel knoechel cheville caviglia tobillo "
    "tornozelo malleolus malleole malleolo maleolo sprunggelenk enkel",
}
_HIP_WORDS = frozenset({"huefte", "hufte", "heup", "hanche", "cadera", "anca", "quadril"})
"""Hip markers sit on the trochanter in most laboratories, on the pelvis or its joint centre in others."""
_LATERAL = (
    *("lateral", "lat", "aussen", "outer", "out", "externe", "externo", "externa", "esterno", "esterna", "ext", "est"),
    *("laterale", "buiten", "bui"),
)
_MEDIAL = (
    *("medial", "med", "innen", "inner", "interne", "interno", "interna", "int", "mediale", "binnen", "bin", "in"),
)
_PLACES = (
    *("oben", "unten", "vorne", "hinten", "boven", "onder", "voor", "achter", "top", "bottom", "upper", "lower"),
    *("front", "back", "anterior", "posterior", "ant", "post", "superior", "inferior", "sup", "inf", "prox", "dist"),
    *("proximal", "distal", "alto", "basso", "haut", "bas", "alta", "bassa", "arriba", "abajo", "cima", "baixo"),
)
"""Words that say where on a part a marker sits."""
_SEGMENT_WORDS = {
    "femur": "thigh thi th oberschenkel cuisse coscia muslo coxa femur upperleg bovenbeen dij thap thad quad os",
    "tibia": "shank sha shk sk sh tib tb shin unterschenkel jambe "
    "gamba pierna perna lowerleg fib tibia hfb shn us fibula onderbeen "
    "scheenbeen fibkop fibulakopf wadenbein wadenbeinkopf fibulahead fibhead headfibula peroneo perone testaperone",
    "calcn": "foot foo ft fuss pied piede pie pe midfoot forefoot phal nav cpg lca stl pca shoe schuh voet schoen",
    "pelvis": "pel pelvis becken bassin bacino waist pelv sacwand bekken",
    "torso": "trunk trk torso thorax back spine rumpf tronc tronco t1 t2 t4 t6 t8 t12 th12 l1 l3 l5 bak rbak costal "
    "romp wervel scapola scapula schulterblatt schouderblad omoplate escapula",
    "upper_body": "elb elbow ellbogen coude codo cotovelo gomito wri wrist handgelenk poignet polso fin finger hand "
    "mano main arm oberarm unterarm bras braccio brazo upa frm forearm wra wrb ua fa biceps humerus ulna radius "
    "elleboog pols vinger dito bovenarm onderarm braccio avambraccio avamb mano pulso punho dita",
    "head": "head kopf tete testa cabeza cabeca hoofd fhd bhd temple hd stirn front temp",
}
_SIDE_WORDS = (
    *(("right", "left"), ("rechts", "links"), ("rechte", "linke"), ("droite", "gauche"), ("droit", "gauche")),
    *(("derecha", "izquierda"), ("derecho", "izquierdo"), ("direita", "esquerda"), ("direito", "esquerdo")),
    *(("destra", "sinistra"), ("destro", "sinistro"), ("der", "izq"), ("dir", "esq"), ("dx", "sx"), ("re", "li")),
    *(("r", "l"), ("d", "g"), ("d", "e"), ("d", "i"), ("d", "s")),
)
_TOKEN = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


@dataclass(frozen=True)
class WordMeaning:
    """What a label says of itself.

    Attributes
    ----------
    side : str
        ``"r"``, ``"l"`` or ``""``.
    landmark : str
        Landmark without its side, ``"knee_lateral"``, or ``""``.
    segment : str
        ``"femur"``, ``"tibia"``, ``"calcn"``, ``"pelvis"``, ``"torso"``, ``"upper_body"``, ``"head"`` or ``""``.
    certainty : float
        0 to 1: 0.9 a known word or abbreviation, 0.6 a word inside a longer one.
    word : str
        The word that was read.
    """

    side: str = ""
    landmark: str = ""
    segment: str = ""
    certainty: float = 0.0
    word: str = ""


_LANDMARKS = {
    word: mark for table in (_LANDMARK_WORDS, _MIDDLE_WORDS) for mark, words in table.items() for word in words.split()
}
_SEGMENTS = {word: body for body, words in _SEGMENT_WORDS.items() for word in words.split()}
_QUALIFIERS = dict(
    sorted(
        (
            *((word, "") for word in _PLACES),
            *((word, "lateral") for word in _LATERAL),
            *((word, "medial") for word in _MEDIAL if len(word) > 2),
        ),
        key=lambda entry: -len(entry[0]),
    )
)
"""Word for a place on a part → ``"lateral"``, ``"medial"`` or neither, longest first."""
_JOINTS = {word: joint for joint, words in _JOINT_WORDS.items() for word in words.split()}


def read_words(labels: Sequence[str]) -> dict[str, WordMeaning]:
    """What each label says of itself.

    The letters that stand for right and left are those that make most pairs of labels (``ACD`` and ``ACG``: droit,
    gauche); a letter in front of a word that is known whole (``lm``, ``re``) is no side.

    Parameters
    ----------
    labels : sequence of str

    Returns
    -------
    dict
        Label → `WordMeaning`; one without landmark and segment says nothing that is known.
    """
    sides = _sides(labels)
    found = {}
    for label in labels:
        side, core = sides.get(label, ("", plain_label(label)))
        meaning = _meaning(core)
        whole = _meaning(plain_label(label)) if side else meaning
        middle = whole.landmark in _MIDDLE_WORDS
        if middle and whole.certainty >= meaning.certainty:
            side, meaning = "", whole
        found[label] = WordMeaning(side, meaning.landmark, meaning.segment, meaning.certainty, meaning.word)
    return found


def _sides(labels: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Label → side and the rest of it in plain letters, by the pairs of labels that differ in their side only."""
    ways: list[tuple[int, int, dict[str, tuple[str, str]]]] = []
    for rank, (right, left) in enumerate(_SIDE_WORDS):
        for place in ("start", "end", "inside"):
            cores = {}
            for label in labels:
                for side, word in (("r", right), ("l", left)):
                    core = _without(label, word, place)
                    if core:
                        cores[label] = (side, core)
                        break
            rights = {core for side, core in cores.values() if side == "r"}
            both = rights & {core for side, core in cores.values() if side == "l"}
            paired = {label: entry for label, entry in cores.items() if entry[1] in both}
            known = {label: entry for label, entry in cores.items() if _meaning(entry[1]).certainty >= 0.85}
            ways.append((len(paired), -rank, {**known, **paired} if len(both) >= 2 else paired))
    found: dict[str, tuple[str, str]] = {}
    for count, _, entries in sorted(ways, key=lambda way: (-way[0], -way[1])):
        if count >= 2:
            for label, entry in entries.items():
                found.setdefault(label, entry)
    return found


def _without(label: str, word: str, place: str) -> str:
    """The label in plain letters without a side word at its start, its end or as a word of its own; "" if not there."""
    if place == "inside":
        letters = unicodedata.normalize("NFKD", label)
        words = [token.casefold() for token in _TOKEN.findall(letters)]
        return "".join(token for token in words if token != word) if words.count(word) == 1 and len(words) > 1 else ""
    text = plain_label(label)
    if place == "start":
        return text[len(word) :] if text.startswith(word) else ""
    return text[: -len(word)] if text.endswith(word) else ""


def _meaning(core: str) -> WordMeaning:
    """What a label without its side says."""
    if core in _LANDMARKS:
        return WordMeaning("", _LANDMARKS[core], "", 0.9, core)
    joint = _joint(core)
    if joint is not None:
        return joint
    if core in _HIP_WORDS:
        return WordMeaning("", "trochanter", "", 0.5, core)
    placed = _placed(core)
    if placed is not None:
        return placed
    bare = core.rstrip("0123456789")
    for text, certainty in ((core, 0.9), (bare, 0.8)):
        if text in _SEGMENTS:
            return WordMeaning("", "", _SEGMENTS[text], certainty, text)
    best: tuple[int, WordMeaning] | None = None
    for table, kind in ((_SEGMENTS, "segment"), (_LANDMARKS, "landmark"), (_JOINTS, "joint")):
        for word, meant in table.items():
            if len(word) >= 4 and word in core and (best is None or len(word) > best[0]):
                if kind == "joint":
                    inner = any(part in core.replace(word, "") for part in _MEDIAL if len(part) > 2)
                    found = WordMeaning("", f"{meant}_{'medial' if inner else 'lateral'}", "", 0.5, word)
                else:
                    found = WordMeaning("", *((meant, "") if kind == "landmark" else ("", meant)), 0.6, word)
                best = (len(word), found)
    return best[1] if best else WordMeaning()


def _joint(core: str) -> WordMeaning | None:
    """Knee or ankle with or without a word for its side of the joint; without one the lateral marker is meant."""
    if core in _JOINTS:
        return WordMeaning("", f"{_JOINTS[core]}_lateral", "", 0.8, core)
    for words, side in ((_LATERAL, "lateral"), (_MEDIAL, "medial")):
        for word in words:
            for rest in (core.removeprefix(word), core.removesuffix(word)):
                if rest != core and rest in _JOINTS:
                    return WordMeaning("", f"{_JOINTS[rest]}_{side}", "", 0.9, core)
    return None


def _placed(core: str) -> WordMeaning | None:
    """A known word with words for the place on it: ``FERSE AUSSEN`` is of the foot but not the heel landmark."""
    rest, where = core, ""
    while rest not in _LANDMARKS and rest not in _SEGMENTS:
        for word, side in _QUALIFIERS.items():
            shorter = rest.removesuffix(word) if rest.endswith(word) else rest.removeprefix(word)
            if shorter != rest and len(shorter) >= 3:
                rest, where = shorter, side or where
                break
        else:
            return None
    if rest == core:
        return None
    mark = _LANDMARKS.get(rest, "")
    if not mark:
        return WordMeaning("", "", _SEGMENTS[rest], 0.8, rest)
    if where and mark == "heel":
        return WordMeaning("", "", "calcn", 0.8, rest)
    if where and mark == "toe":
        mark = "metatarsal_5" if where == "lateral" else "metatarsal_1"
    elif where and mark.startswith(("knee_", "ankle_")):
        mark = f"{mark.split('_')[0]}_{where}"
    return WordMeaning("", mark, "", 0.75, rest)


def is_heel_word(word: str) -> bool:
    """Whether a word of a label means the heel, of which a foot may carry several markers."""
    return _LANDMARKS.get(word) == "heel"
