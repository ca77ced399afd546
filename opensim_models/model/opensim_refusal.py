"""OpenSim's refusal of a model, with a sentence of ours before it: what was expected, where, and what to do."""

from __future__ import annotations

import re

from opensim_models.model_mismatch import ModelMismatch

_REFUSES = re.compile(r": OpenSim (?:cannot load|cannot assemble|refuses) this model: ")
# what OpenSim says → what to do; groups are what it names
_ADVICE = (
    (
        r"(?s)could not find '(?P<missing>[^']*)'.*?(?:In Component '(?P<owner>[^']*)'|$)",
        "{owner} refers to {missing}, which the model does not have; correct the path, or add what is missing",
    ),
    (
        r"(?i)(?:Body|Component '/bodyset/)\s*(?P<body>[^\s']+).*(?:invalid mass|negative mass|unspecified)",
        "every body needs a mass above zero and moments of inertia that a body can have; correct <mass> and <inertia> "
        "of body {body}",
    ),
    (
        r"(?i)massless|no mass|zero mass",
        "what a joint moves needs a mass above zero; correct <mass> of the bodies beyond the joint, or weld them",
    ),
    (
        r"(?i)(?:couldn't|could not) interpret string '(?P<text>[^']*)'",
        "a number was expected where the file says '{text}'; correct it (decimal points, blanks between numbers)",
    ),
    (
        r"(?i)inertia",
        "moments of inertia must be those of a body (each at most the sum of the others); correct <inertia>",
    ),
)
_OTHERWISE = "the file does not make a whole model; open it in OpenSim's GUI, correct what it names, and save it again"


def explained(refusal: ModelMismatch, where: str) -> ModelMismatch:
    """Put advice before what OpenSim says; other refusals have their own words and stay as they are.

    Parameters
    ----------
    refusal : ModelMismatch
    where : str
        The file, as the user names it.

    Returns
    -------
    ModelMismatch
        ``FILE: what to do. OpenSim says: ...``
    """
    parts = _REFUSES.split(str(refusal), maxsplit=1)
    if len(parts) < 2:
        return refusal
    said = parts[1]
    for pattern, advice in _ADVICE:
        found = re.search(pattern, said)
        if found:
            named = {key: value or "a part of the model" for key, value in found.groupdict().items()}
            return ModelMismatch(f"{where}: {advice.format(**named)}. OpenSim says: {said}")
    return ModelMismatch(f"{where}: {_OTHERWISE}. OpenSim says: {said}")
