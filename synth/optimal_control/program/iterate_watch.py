"""Watch over a running solver: the last iterate, requests to stop, and files written meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable

import casadi as ca
import numpy as np

from synth.optimal_control.program.assembly import Program
from synth.optimal_control.program.iterate import Iterate, row_violation

_INPUTS = ("x", "f", "g", "lam_x", "lam_g", "lam_p")


class IterateWatch(ca.Callback):
    """What IPOPT calls once an iteration.

    It only keeps references; numbers are copied when they are asked for.

    Parameters
    ----------
    program : Program
    """

    def __init__(self, program: Program) -> None:
        ca.Callback.__init__(self)
        # only arrays are held: a watch that held its program would keep both alive for ever
        n, m = program.n_variables, program.n_rows
        self._sizes = (n, 1, m, n, m, program.n_parameters)
        self._row_bounds = program.lower_rows, program.upper_rows
        self.begin(None, 0.0)
        self.construct("watch", {})

    @property
    def began(self) -> bool:
        """Whether the solver came to its first iterate."""
        return self._calls > 0

    def begin(self, keep: Callable[[Iterate], None] | None, keep_seconds: float) -> None:
        """Forget the solve before."""
        self.interrupted = False
        self.failure: Exception | None = None
        self._keep, self._every = keep, keep_seconds
        self._last: list[ca.DM] | None = None
        self._calls = 0
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        self._kept = self._wall

    def interrupt(self) -> None:
        """Ask the solver to stop at its next iteration."""
        self.interrupted = True

    def get_n_in(self) -> int:
        """Number of inputs: what the solver hands over."""
        return len(_INPUTS)

    def get_n_out(self) -> int:
        """One output: other than 0 to stop."""
        return 1

    def get_sparsity_in(self, index: int) -> ca.Sparsity:
        """All inputs are dense columns."""
        return ca.Sparsity.dense(self._sizes[index], 1)

    def eval(self, arguments: list[ca.DM]) -> list[int]:
        """One iteration of the solver."""
        self._last = arguments
        self._calls += 1
        now = time.perf_counter()
        if self._keep is not None and now - self._kept >= self._every:
            try:
                self._keep(self._iterate("Running"))
            except Exception as problem:  # noqa: BLE001 - CasADi would print it and go on; raised again by `solve`
                self.failure = problem
            self._kept = time.perf_counter()
        return [int(self.interrupted or self.failure is not None)]

    def _iterate(self, status: str) -> Iterate:
        x, f, g, lam_x, lam_g = (np.array(value).ravel() for value in self._last[:5])
        return Iterate(
            values=x,
            row_values=g,
            row_multipliers=lam_g,
            bound_multipliers=lam_x,
            status=status,
            converged=False,
            objective=float(f[0]),
            violation=self._violation(g),
            iterations=self._calls - 1,
            seconds=time.perf_counter() - self._wall,
            cpu_seconds=time.process_time() - self._cpu,
        )

    def _violation(self, row_values: np.ndarray) -> float:
        return float(row_violation(row_values, *self._row_bounds).max(initial=0.0))

    def end(self, result: dict, stats: dict, build_seconds: float, limit: float) -> Iterate:
        """Iterate at the end of a solve.

        Parameters
        ----------
        result, stats : dict
            Of CasADi; what they say of a solve that never began means nothing but its status.
        build_seconds : float
        limit : float
            Largest violation of a row in a solution.
        """
        self._keep = self._last = None
        seconds, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        status = str(stats.get("return_status", "no status"))
        values = np.array(result["x"]).ravel()
        row_values = np.array(result["g"]).ravel()
        objective = float(result["f"])
        success = bool(stats.get("success", False))
        violation = self._violation(row_values)
        finite = np.isfinite(values).all() and np.isfinite(objective)
        return Iterate(
            values=values,
            row_values=row_values,
            row_multipliers=np.array(result["lam_g"]).ravel(),
            bound_multipliers=np.array(result["lam_x"]).ravel(),
            status=status,
            converged=bool(success and finite and violation <= limit),
            objective=objective,
            violation=violation,
            iterations=max(self._calls - 1, 0),
            seconds=seconds,
            cpu_seconds=cpu,
            evaluation_seconds=sum(v for k, v in stats.items() if k.startswith("t_proc_nlp_")),
            build_seconds=build_seconds,
        )
