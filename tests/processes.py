"""Other processes, looked into through /proc: their children, and what is in their memory."""

from __future__ import annotations

from pathlib import Path

PROC = Path("/proc")


def children(pid: int) -> list[Path]:
    """The folders below /proc of the processes that a process has started."""
    tasks = (PROC / str(pid) / "task").iterdir()
    return [PROC / child for task in tasks for child in (task / "children").read_text().split()]


def waits(process: Path) -> bool:
    """Whether it waits for somebody, and does nothing meanwhile (proc(5), state ``S``)."""
    return (process / "stat").read_text().rpartition(")")[2].split()[0] == "S"


def memory(process: Path) -> bytes:
    """All that can be written to in the memory of a process, which has to wait meanwhile."""
    found = b""
    with (process / "mem").open("rb", buffering=0) as file:
        for line in (process / "maps").read_text().splitlines():
            place, mode, *_ = line.split()
            start, end = (int(number, 16) for number in place.split("-"))
            if mode.startswith("rw"):
                file.seek(start)
                found += file.read(end - start)
    return found
