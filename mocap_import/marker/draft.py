"""Marker draft: a proposal as a TOML file that a person reads, corrects and gives to the import."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence

from mocap_import.marker.marker_set import SEGMENTS, MarkerSet
from mocap_import.marker.marker_set_text import CHECK_MARK
from mocap_import.marker.proposal import SURE, MarkerProposal, landmark_order, segment_of

_HEAD = """\
# Draft of a marker set, made from {count} recording(s). Read it line by line before you trust it.
# Behind each label: the confidence (0.9: word and place agree; 0.5: by motion; 0.3: by place alone) and the evidence.
# {checks} line(s) of landmarks and segments are marked CHECK: correct or delete each, or delete the word CHECK where it
# is right. While one is left, every trial has the doubt marker_set_unchecked; `checked = true` settles all of them.
# A landmark may name several labels, ["RKNM", "RMKNE"]: the first one that a trial holds is used.
# A label means one landmark and lies on one segment; labels not named here are kept, but no computation uses them.
# Then: kinesynth import ARCHIVE --out DIR --marker-set THIS_FILE
"""


def combine_proposals(proposals: Sequence[MarkerProposal]) -> MarkerProposal:
    """One proposal from those of several recordings of one laboratory: what most of the confidence speaks for.

    Parameters
    ----------
    proposals : sequence of MarkerProposal
        At least one; a static trial may hold labels that the others lack.
    """
    votes: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    places: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    confidence: dict[str, list[float]] = defaultdict(list)
    names: dict[str, None] = {}
    for proposal in proposals:
        own = proposal.marker_set
        names.update(dict.fromkeys([*proposal.confidence, *proposal.unmapped]))
        for label, value in proposal.confidence.items():
            confidence[label].append(value)
        for landmark, label in own.landmarks.items():
            votes[landmark][label] += proposal.confidence.get(label, 0.0)
        for group, labels in (*own.segments.items(), *own.others.items()):
            for label in labels:
                places[label][group] += proposal.confidence.get(label, 0.0)
    landmarks, left_out = _one_to_one(votes)
    groups = {label: max(found, key=lambda group: found[group]) for label, found in places.items()}
    # A landmark lies on its own segment, whatever most recordings made of the label.
    groups |= {label: body for mark, label in landmarks.items() if (body := segment_of(mark))}
    gathered: dict[str, list[str]] = defaultdict(list)
    for label in names:
        if label in groups:
            gathered[groups[label]].append(label)
    known = {*groups, *landmarks.values()}
    value, evidence = _of_the_choice(proposals, landmarks, groups)
    return MarkerProposal(
        MarkerSet(
            name=proposals[0].marker_set.name,
            description=proposals[0].marker_set.description,
            landmarks={mark: landmarks[mark] for mark in sorted(landmarks, key=landmark_order)},
            segments={body: tuple(gathered[body]) for body in sorted(SEGMENTS & gathered.keys())},
            others={group: tuple(labels) for group, labels in gathered.items() if group not in SEGMENTS},
        ),
        {label: round(value[label] / len(values), 2) for label, values in confidence.items() if label in known},
        evidence,
        tuple(label for label in names if label not in known),
        left_out,
    )


def _one_to_one(votes: dict[str, dict[str, float]]) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """Every landmark's best label, a label that several claim for the surest of them; the others with their labels."""
    best = {landmark: max(found, key=lambda label: found[label]) for landmark, found in votes.items()}
    taken: dict[str, str] = {}
    for landmark in sorted(best, key=lambda mark: -votes[mark][best[mark]]):
        taken.setdefault(best[landmark], landmark)
    landmarks = {landmark: label for landmark, label in best.items() if taken[label] == landmark}
    left = {mark: tuple(sorted(votes[mark], key=lambda label: -votes[mark][label])) for mark in best.keys() - landmarks}
    return landmarks, {mark: left[mark] for mark in sorted(left, key=landmark_order)}


def _of_the_choice(
    proposals: Sequence[MarkerProposal], landmarks: dict[str, str], groups: dict[str, str]
) -> tuple[dict[str, float], dict[str, str]]:
    """Sum of the confidence of the proposals that made of a label what was chosen, and the best of their evidence."""
    value: dict[str, float] = defaultdict(float)
    best: dict[str, tuple[bool, float, str]] = {}
    landmark_of = {label: mark for mark, label in landmarks.items()}
    for proposal in proposals:
        own = proposal.marker_set
        mark_of = {label: mark for mark, label in own.landmarks.items()}
        body_of = {label: body for body, labels in (*own.segments.items(), *own.others.items()) for label in labels}
        for label in {*proposal.confidence, *proposal.evidence}:
            same = mark_of.get(label) == landmark_of.get(label) and body_of.get(label) == groups.get(label)
            near = same or (body_of.get(label) is not None and body_of.get(label) == groups.get(label))
            sure = proposal.confidence.get(label, 0.0)
            value[label] += sure if same else min(sure, SURE) if near else 0.0
            found = (same, sure, proposal.evidence.get(label, ""))
            if label not in best or found[:2] > best[label][:2]:
                best[label] = found
    return value, {label: words for label, (_, _, words) in best.items()}


def draft_toml(proposal: MarkerProposal, n_files: int = 1) -> str:
    """The proposal as TOML text with comments; `parse_marker_set` reads it.

    Parameters
    ----------
    proposal : MarkerProposal
    n_files : int
        Recordings it was made from, for the heading.
    """
    own = proposal.marker_set
    lines = [_HEAD.format(count=n_files, checks=_n_checks(proposal))]
    lines += [f"name = {_quoted(own.name)}", f"description = {_quoted(own.description)}"]
    lines += ["checked = false", "", "[landmarks]"]
    lines += [f"{mark} = {_quoted(label)}{_comment(proposal, label)}" for mark, label in own.landmarks.items()]
    for mark, labels in proposal.left_out.items():
        names = ", ".join(_quoted(_one_line(label)) for label in labels)
        lines.append(f"# {mark} = {names}  # left out: {_one_line(labels[0])} is another landmark; which label is it?")
    for heading, groups in (("segments", own.segments), ("others", own.others)):
        if groups or heading == "segments":
            lines += ["", f"[{heading}]"]
        for group, labels in groups.items():
            lines.append(f"{group} = [")
            lines += [f"    {_quoted(label)},{_comment(proposal, label)}" for label in labels]
            lines.append("]")
    if proposal.unmapped:
        lines += ["", "# Not mapped: add them above if you know what they are."]
        for label in proposal.unmapped:
            why = proposal.evidence.get(label, "no known word, moves with no segment")
            lines.append(f"#   {_quoted(label)}  {_one_line(why)}")
    return "\n".join(lines) + "\n"


def _comment(proposal: MarkerProposal, label: str) -> str:
    """Confidence and evidence behind a label."""
    value = proposal.confidence.get(label)
    check = f" {CHECK_MARK}" if label in proposal.to_check else ""
    return "" if value is None else f"  # {value:.2f}{check} {_one_line(proposal.evidence.get(label, ''))}"


def _n_checks(proposal: MarkerProposal) -> int:
    """Lines that a person must look at: a label stands at its landmark and at its segment."""
    own = proposal.marker_set
    lines = [*own.landmarks.values(), *(label for group in own.segments.values() for label in group)]
    return sum(label in proposal.to_check for label in lines)


def _quoted(text: str) -> str:
    """A TOML basic string; its escapes are those of JSON, and control characters must be escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _one_line(text: str) -> str:
    """Text that may stand in a comment: no control characters."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
