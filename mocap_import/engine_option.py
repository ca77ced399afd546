"""Options that commands share: where the work runs, and whether quarantined work is tried again."""

from __future__ import annotations

from typing import Annotated

import typer

EngineWord = Annotated[
    str, typer.Option("--engine", help="Where the work runs: local (processes of this machine) or dask (a cluster).")
]
Scheduler = Annotated[
    str,
    typer.Option(
        "--scheduler",
        help="With --engine dask: the scheduler's address (tcp://node1:8786) or scheduler file (.json); without it a "
        "cluster of --workers processes on this machine.",
    ),
]
Retry = Annotated[
    bool, typer.Option("--retry", help="Try again what crashed or took too long in every attempt of an earlier run.")
]
