"""A table of rows for people, as wide as the terminal, or wide enough where there is none."""

from __future__ import annotations

import pandas as pd
from rich.console import Console
from rich.table import Table


def print_table(rows: pd.DataFrame, title: str) -> None:
    """Print rows; what has no value stays empty."""
    table = Table(title=title)
    for column in rows.columns:
        table.add_column(str(column))
    for row in rows.itertuples(index=False):
        table.add_row(*("" if value is None or value != value else str(value) for value in row))
    console = Console()
    if not console.is_terminal:  # a file or a pipe has no width to break lines at
        console = Console(width=240)
    console.print(table)
