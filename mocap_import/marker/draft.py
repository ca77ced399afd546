"""Marker draft: a proposal as a TOML file that a person reads, corrects and gives to the import."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence

from mocap_import.marker.marker_set import MarkerSet
from mocap_import.marker.proposal import MarkerProposal

_HEAD = """\
# Draft of a marker set, made from {count} recording(s). Read it line by line before you trust it.
# Behind each label: the confidence (0.9: word and place agree; 0.5: by motion; 0.4 or less: CHECK) and the evidence.
# A landmark may name several labels, ["RKNM", "RMKNE"]: the first one that a trial holds is used.
# Delete what is wrong; labels that are not named here are kept in the trials, but no computation uses them.
# Then: kinesynth import ARCHIVE --out DIR --marker-set THIS_FILE
"""


def combine_proposals(proposals: Sequence[MarkerProposal]) -> MarkerProposal:
    """One proposal from those of several recordings of one laboratory: what most of the confidence speaks for.

    Parameters
    ----------
    proposals : sequence of MarkerProposal
        At least one; a static trial may hold labels that the others lack.
    """
    landmark_votes: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    segment_votes: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    confidence: dict[str, list[float]] = defaultdict(list)
    evidence: dict[str, tuple[float, str]] = {}
    names: dict[str, None] = {}
    for proposal in proposals:
        own = proposal.marker_set
        names.update(dict.fromkeys([*proposal.confidence, *proposal.unmapped]))
        for label, value in proposal.confidence.items():
            confidence[label].append(value)
        for label, words in proposal.evidence.items():
            value = proposal.confidence.get(label, 0.0)
            if label not in evidence or value > evidence[label][0]:
                evidence[label] = (value, words)
        for landmark, label in own.landmarks.items():
            landmark_votes[landmark][label] += proposal.confidence.get(label, 0.0)
        for group, labels in (*own.segments.items(), *own.others.items()):
            for label in labels:
                segment_votes[label][group] += proposal.confidence.get(label, 0.0)
    landmarks = {mark: max(votes, key=lambda label: votes[label]) for mark, votes in landmark_votes.items()}
    groups = {label: max(votes, key=lambda group: votes[group]) for label, votes in segment_votes.items()}
    bodies = {body for proposal in proposals for body in proposal.marker_set.segments}
    gathered: dict[str, list[str]] = defaultdict(list)
    for label in names:
        if label in groups:
            gathered[groups[label]].append(label)
    known = {*groups, *landmarks.values()}
    return MarkerProposal(
        MarkerSet(
            name=proposals[0].marker_set.name,
            description=proposals[0].marker_set.description,
            landmarks=landmarks,
            segments={body: tuple(gathered[body]) for body in sorted(bodies) if gathered[body]},
            others={group: tuple(labels) for group, labels in gathered.items() if group not in bodies},
        ),
        {label: round(sum(values) / len(values), 2) for label, values in confidence.items() if label in known},
        {label: words for label, (_, words) in evidence.items()},
        tuple(label for label in names if label not in known),
    )


def draft_toml(proposal: MarkerProposal, n_files: int = 1) -> str:
    """The proposal as TOML text with comments; `parse_marker_set` reads it.

    Parameters
    ----------
    proposal : MarkerProposal
    n_files : int
        Recordings it was made from, for the heading.
    """
    own = proposal.marker_set
    lines = [_HEAD.format(count=n_files)]
    lines += [f"name = {_quoted(own.name)}", f"description = {_quoted(own.description)}", "", "[landmarks]"]
    lines += [f"{mark} = {_quoted(label)}{_comment(proposal, label)}" for mark, label in own.landmarks.items()]
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
    check = " CHECK:" if value is not None and value <= 0.4 else ""
    return "" if value is None else f"  # {value:.2f}{check} {_one_line(proposal.evidence.get(label, ''))}"


def _quoted(text: str) -> str:
    """A TOML basic string; its escapes are those of JSON, and control characters must be escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _one_line(text: str) -> str:
    """Text that may stand in a comment: no control characters."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
