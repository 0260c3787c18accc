"""Runs of any size: orbits in numbered chunks, of which only sums are kept."""

from jaxcr.annotations import checked_folder
from jaxcr.runs.orbit_run import OrbitRun
from jaxcr.runs.totals import RunTotals, totals

__all__ = ["OrbitRun", "RunTotals", "totals"]

checked_folder(globals())
