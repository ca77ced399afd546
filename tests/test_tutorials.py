"""The tutorials are true: what a newcomer types on the three pages leaves what they name (typed in test_page_lines)."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
TUTORIALS = ("tutorial_archive.md", "tutorial_network.md", "tutorial_comparison.md")
"""In the order in which they share a folder."""
BLOCK = re.compile(r"(?:<!-- ends with (\d+) -->\n)?```sh\n(.*?)```", flags=re.DOTALL)
PRODUCT = re.compile(r"`([\w./-]+\.(?:csv|html|h5|json|mot|sto|c3d|toml|safetensors)|[\w./-]+/)`")
PATIENCE = 600.0  # s, of one block


def shell_blocks(page: str) -> list[tuple[str, int]]:
    """Commands of each `sh` block, and the exit code that the page announces for it (0 if it says nothing)."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [(commands, int(code or 0)) for code, commands in BLOCK.findall(text)]


def named_products(page: str) -> set[str]:
    """Files and folders that a page names in its running text."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return set(PRODUCT.findall(re.sub(r"```.*?```", "", text, flags=re.DOTALL)))


def commands_of(block: str) -> list[str]:
    """Calls of kinesynth in a block, without indentation, comments and what follows an operator."""
    lines = [re.split(r"\s+(?:#|\|\|)", line.strip())[0] for line in block.splitlines()]
    return [line for line in lines if line.startswith("kinesynth ")]


def follow_tutorials(folder: Path, environment: dict[str, str]) -> None:
    """Type what the three pages say, in order; each block must end as its page announces, and leave what it names."""
    for page in TUTORIALS:
        for commands, code in shell_blocks(page):
            done = subprocess.run(
                ["sh", "-e", "-c", commands],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
            )
            said = done.stdout[-3000:] + done.stderr[-3000:]
            assert done.returncode == code, f"{page}: ended with {done.returncode}, not {code}:\n{commands}\n{said}"
            assert "Traceback" not in done.stderr, f"{page}:\n{commands}\n{said}"
        missing = [name for name in sorted(named_products(page)) if not (folder / name).exists()]
        assert missing == [], f"{page} names files that its commands do not leave"


def test_pages_name_what_is_looked_for():
    assert [len(shell_blocks(page)) for page in TUTORIALS] >= [5, 4, 4]
    for page in TUTORIALS:
        assert len(named_products(page)) >= 3, page
    assert {"trials/import.csv", "imu.h5", "trials/quality.html"} <= named_products(TUTORIALS[0])
    assert [code for _, code in shell_blocks(TUTORIALS[0])].count(3) == 1


def test_whoever_begins_in_the_middle_makes_the_same_things():
    """The block that catches up in the second and third page types what the first pages type."""
    typed: list[str] = []
    for page in TUTORIALS:
        blocks = [commands for commands, _ in shell_blocks(page)]
        if typed:
            caught_up = [line for line in commands_of(blocks.pop(0)) if "train" not in line]
            assert caught_up
            assert set(caught_up) <= set(typed)
        typed += [line for block in blocks for line in commands_of(block)]
