"""One small real run of each family: it measures, and its peers have the same answer."""

import numpy as np
import pytest

from jaxcr.bench import BENCHMARKS, TINY, Measured, NotMeasurableError, run_rows, select
from jaxcr.bench.child import peak_megabytes
from jaxcr.bench.gradients import of_chain
from jaxcr.bench.peers import PeerRun, time_beside
from jaxcr.bench.rows import Benchmark, Row
from jaxcr.bench.startup import child


def checked(rows, *, agreement):
    """Return the rows once their numbers are positive and their peers agree."""
    rows = list(rows)
    assert rows
    for row in rows:
        assert row.measured.value > 0
        for peer in row.peers:
            if peer.version == "not installed":
                continue
            assert peer.measured is not None, peer.note
            assert peer.difference <= agreement, (row.name, peer.name)
    assert len({row.name for row in rows}) == len(rows)
    return rows


@pytest.mark.parametrize(
    ("name", "agreement"),
    [
        # float32 points: round-off of a coordinate of 8 cells, 5e-7, times a slope of order 1
        ("interpolation", 5e-6),
        ("synthesis", 0.0),
        # both have an error of 1e-5 cells over 5 cells
        ("orbits", 1e-5),
        ("particles", 0.0),
        # float64, iterated alike
        ("harmonics", 1e-12),
        # condition of 20 sites times round-off
        ("chain", 1e-11),
        ("start", 0.0),
    ],
)
def test_a_family_runs_and_its_peers_agree(name, agreement):
    checked(BENCHMARKS[name].run(TINY), agreement=agreement)


def test_a_derivative_is_that_of_central_differences():
    # step 1e-4: its square, 1e-8, times third derivatives of order one
    (row,) = checked([of_chain(TINY)], agreement=1e-7)
    assert not row.higher_is_better


def test_memory_is_that_of_the_child_and_not_of_this_process():
    ballast = np.ones(60_000_000)  # 480 MB, more than a child that only imports needs
    assert 50 < child("imports")["megabytes"] < ballast.nbytes / 1e6 < peak_megabytes()


def test_a_child_that_fails_says_why():
    with pytest.raises(NotMeasurableError, match=r"jaxcr.bench.child.*KeyError: 'no-such-job'"):
        child("no-such-job")


def test_what_cannot_be_measured_does_not_stop_the_others():
    row = Row("one", "none", Measured(1.0, 0.0, 2), "things/s", "CPU")

    def fails(effort):
        yield row
        raise NotMeasurableError("no reason")

    jobs = [Benchmark("bad", "fails", fails), Benchmark("good", "runs", lambda effort: [row])]
    assert list(run_rows(jobs, TINY)) == [row, ("bad", "no reason"), row]


def test_a_peer_that_is_missing_or_fails_leaves_the_number_of_jaxcr():
    def broken():
        raise TypeError("no such option\nand more")

    measured, peers = time_beside(
        lambda: np.ones(2),
        [
            PeerRun("absent", "no_such_package", broken),
            PeerRun("broken", "numpy", broken),
            PeerRun("same", "numpy", lambda: lambda: np.ones(2), share=0.5),
        ],
        repeats=2,
        measure=lambda timing, share: Measured(share, 0.0, len(timing.seconds["wall"])),
    )
    assert measured.value == 1.0
    assert [peer.version == "not installed" for peer in peers] == [True, False, False]
    assert peers[1].note == "failed: TypeError: no such option"
    assert peers[1].measured is None
    assert (peers[2].measured.value, peers[2].difference) == (0.5, 0.0)


def test_names_are_selected_in_the_order_in_which_they_run():
    assert [b.name for b in select(["chain", "steps"])] == ["steps", "chain"]
    assert len(select([])) == len(BENCHMARKS)
    with pytest.raises(ValueError, match=r"--only: expected names out of start, .*Did you mean ch"):
        select(["chains"])
    with pytest.raises(ValueError, match="See jaxcr bench --list"):
        select(["qqqq"])
