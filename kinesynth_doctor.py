"""The doctor: uses every native dependency, each in a process of its own, and prints the fix of a failure."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer

from mocap_import.batch import Outcome, Task, exit_code, run_tasks
from mocap_import.progress import track

doctor_app = typer.Typer(add_completion=False, rich_markup_mode=None)

PATIENCE = 120.0  # s; numba compiles, and a cold disk is slow
AGAIN = "Install the exact versions again: `make env`, or `pip install -r requirements.lock`."


@dataclass(frozen=True)
class Finding:
    """What the doctor found of one dependency: version, what was tried, how long it took, and the fix."""

    name: str
    ok: bool
    version: str
    detail: str
    seconds: float
    fix: str = ""


def use_casadi() -> tuple[str, str]:
    """Solve a small problem with IPOPT."""
    import casadi

    x = casadi.SX.sym("x", 2)
    problem = {"x": x, "f": (x[0] - 1) ** 2 + (x[1] - 2) ** 2, "g": x[0] + x[1]}
    options = {"print_time": False, "ipopt.print_level": 0, "ipopt.sb": "yes"}
    solution = casadi.nlpsol("tiny", "ipopt", problem, options)(lbg=0, ubg=0)
    if abs(float(solution["x"][0]) + 0.5) > 1e-6:
        raise ArithmeticError(f"IPOPT found {solution['x']} instead of (-0.5, 0.5)")
    return casadi.__version__, "IPOPT solves a problem"


def use_opensim() -> tuple[str, str]:
    """Drop a body for an instant."""
    from opensim_models.osim.library import osim

    model = osim.Model()
    body = osim.Body("ball", 1.0, osim.Vec3(0), osim.Inertia(1.0))
    joint = osim.FreeJoint("free", model.getGround(), body)
    model.addBody(body)
    model.addJoint(joint)
    state = model.initSystem()
    model.realizeAcceleration(state)
    return _version("opensim"), f"a model of {model.getNumBodies()} body moves"


def use_torch() -> tuple[str, str]:
    """Differentiate a product."""
    import torch

    x = torch.ones(3, requires_grad=True)
    (x @ x).backward()
    if x.grad.tolist() != [2.0, 2.0, 2.0]:
        raise ArithmeticError(f"the gradient of x·x at 1 is {x.grad.tolist()}, not 2")
    return torch.__version__, "a gradient is right" + (", GPU present" if torch.cuda.is_available() else ", on the CPU")


def use_numba() -> tuple[str, str]:
    """Compile a function."""
    import numba

    doubled = numba.njit(lambda x: 2 * x)(21)
    if doubled != 42:
        raise ArithmeticError(f"a compiled function gives {doubled}, not 42")
    return numba.__version__, "a function compiles"


def use_h5py() -> tuple[str, str]:
    """Write and read a file in memory."""
    import h5py

    with h5py.File("doctor", "w", driver="core", backing_store=False) as file:
        file["x"] = [1.0, 2.0]
        if file["x"][1] != 2.0:
            raise ArithmeticError("a number changed on its way through HDF5")
    return h5py.__version__, f"HDF5 {h5py.version.hdf5_version}"


def use_ezc3d() -> tuple[str, str]:
    """Make an empty recording."""
    import ezc3d

    groups = ezc3d.c3d()["parameters"]
    return _version("ezc3d"), f"an empty recording has {len(groups)} parameter groups"


def use_scipy() -> tuple[str, str]:
    """Solve a linear system and turn a rotation."""
    import numpy as np
    import scipy
    from scipy.spatial.transform import Rotation

    x = scipy.linalg.solve(np.diag([1.0, 2.0]), np.ones(2))
    turned = Rotation.from_euler("z", 90, degrees=True).apply([1.0, 0.0, 0.0])
    if abs(x[1] - 0.5) > 1e-12 or abs(turned[1] - 1) > 1e-12:
        raise ArithmeticError("a linear system or a rotation comes out wrong")
    return scipy.__version__, f"with NumPy {np.__version__}"


def use_module(module: str, distribution: str) -> tuple[str, str]:
    """Import a module."""
    __import__(module)
    return _version(distribution), "imports"


CHECKS: tuple[tuple[str, str, dict[str, str], str], ...] = (
    ("scipy", "use_scipy", {}, AGAIN),
    ("pandas", "use_module", {"module": "pandas", "distribution": "pandas"}, AGAIN),
    ("h5py", "use_h5py", {}, AGAIN),
    ("ezc3d", "use_ezc3d", {}, AGAIN),
    ("c3d", "use_module", {"module": "c3d", "distribution": "c3d"}, AGAIN),
    (
        "opensim",
        "use_opensim",
        {},
        "The opensim wheel exists for Python 3.11-3.13 on Linux x86_64 (glibc 2.28 or newer), and for 3.12 on Windows "
        f"and macOS 15 (arm64): choose one of these. {AGAIN}",
    ),
    ("casadi", "use_casadi", {}, f"Remove other OpenSim or IPOPT folders from LD_LIBRARY_PATH. {AGAIN}"),
    ("torch", "use_torch", {}, f"torch needs about 1 GB of disk and a CPU with AVX2. {AGAIN}"),
    ("numba", "use_numba", {}, AGAIN),
    ("onnxruntime", "use_module", {"module": "onnxruntime", "distribution": "onnxruntime"}, AGAIN),
    ("safetensors", "use_module", {"module": "safetensors.numpy", "distribution": "safetensors"}, AGAIN),
    ("pydantic", "use_module", {"module": "pydantic", "distribution": "pydantic"}, AGAIN),
    ("matplotlib", "use_module", {"module": "matplotlib.figure", "distribution": "matplotlib"}, AGAIN),
    ("psutil", "use_module", {"module": "psutil", "distribution": "psutil"}, AGAIN),
)
"""Name, the function that uses it, its arguments, and the fix."""


def examine(name: str) -> Finding:
    """Use one dependency in a process of its own: CasADi and OpenSim, for one, cannot share a process."""
    _, function, arguments, fix = next(check for check in CHECKS if check[0] == name)
    task = Task(name, f"kinesynth_doctor:{function}", dict(arguments))
    outcome: Outcome = next(iter(run_tasks([task], timeout=PATIENCE)))
    if outcome.status == "done":
        version, detail = outcome.value
        return Finding(name, True, version, detail, outcome.seconds)
    return Finding(name, False, _version(name), outcome.reason, outcome.seconds, fix)


def surroundings() -> dict[str, Any]:
    """Python, system, cores, and the optional C compiler."""
    compiler = next((path for path in map(shutil.which, ("cc", "gcc", "clang", "cl")) if path), None)
    return {
        "python": platform.python_version(),
        "executable": sys.executable,
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "c_compiler": compiler,
    }


@doctor_app.command(epilog="Example: kinesynth doctor --json")
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")] = False,
) -> None:
    """Use every native dependency in a process of its own, and print the fix of each that fails.

    Exit code 0 if all work, 3 if some fail, 4 if none works.
    """
    names = [check[0] for check in CHECKS]
    with track(len(names), "Examining", shown=False if as_json else None) as bar, ThreadPoolExecutor(2) as pool:
        findings = []
        for finding in pool.map(examine, names):
            findings.append(finding)
            bar.advance()
    about = surroundings()
    works = sum(finding.ok for finding in findings)
    if as_json:
        typer.echo(json.dumps({**about, "checks": [asdict(f) for f in findings], "ok": works == len(findings)}))
    else:
        _print(about, findings)
    raise typer.Exit(exit_code(works, len(findings) - works))


def _print(about: dict[str, Any], findings: list[Finding]) -> None:
    """One line a dependency, then the fixes."""
    typer.echo(f"Python {about['python']} on {about['system']}, {about['cores']} cores ({about['executable']})")
    for finding in findings:
        word = "ok    " if finding.ok else "FAILS "
        typer.echo(f"{word} {finding.name:12} {finding.version:12} {finding.seconds:6.2f} s  {finding.detail}")
    found = about["c_compiler"]
    typer.echo(
        f"C compiler   {found or 'none'} (optional: {'can make' if found else 'would make'} optimal control faster)"
    )
    for finding in findings:
        if not finding.ok:
            typer.echo(f"\n{finding.name}: {finding.fix}")


def _version(distribution: str) -> str:
    """Version of an installed distribution, or a dash."""
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "-"
