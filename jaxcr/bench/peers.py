"""Time a call beside other programs that do the same, where they are installed."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from jaxcr.bench.rows import Peer, difference, installed
from jaxcr.bench.timing import Measured, Timing, time_in_turn

Call = Callable[[], Any]


@dataclasses.dataclass(frozen=True)
class PeerRun:
    """Another program, not yet imported.

    Attributes
    ----------
    name
        As in the table.
    package
        That must be installed.
    make
        Imports it, prepares what is not timed, and returns the call that is. The call returns an
        array like that of jaxcr.
    share
        Of the work of jaxcr's call that this one does: fewer orbits, say.
    note
        For the table.
    """

    name: str
    package: str
    make: Callable[[], Call]
    share: float = 1.0
    note: str = ""


def time_beside(
    run: Call,
    peers: Sequence[PeerRun],
    *,
    repeats: int,
    measure: Callable[[Timing, float], Measured],
    part: Callable[[Any], Any] = lambda result: result,
) -> tuple[Measured, tuple[Peer, ...]]:
    """Return the number of jaxcr's call, and those of its peers, timed in turn.

    Parameters
    ----------
    run
        Call of jaxcr, compiled when it is called first.
    peers
        What it is compared with; one that is not installed, or fails, says so in its row.
    measure
        From a timing and the share of the work to the number of the row.
    part
        Of jaxcr's result, the array that peers return.
    """
    found, calls = [], []
    for peer in peers:
        version = installed(peer.package)
        if version is None:
            found.append(Peer(peer.name, "not installed"))
            continue
        try:
            call = peer.make()
            call()
        except Exception as problem:  # whatever is wrong with it, jaxcr's own number stands
            note = f"failed: {type(problem).__name__}: {str(problem).splitlines()[0][:80]}"
            found.append(Peer(peer.name, version, note=note))
            continue
        found.append(Peer(peer.name, version, note=peer.note))
        calls.append((len(found) - 1, peer, call))
    own, *others = time_in_turn(run, *(call for _, _, call in calls), repeats=repeats)
    for (place, peer, _), timing in zip(calls, others, strict=True):
        found[place] = dataclasses.replace(
            found[place],
            measured=measure(timing, peer.share),
            difference=difference(part(own.result), timing.result),
        )
    return measure(own, 1.0), tuple(found)
