"""Ensembles of simulated skies: what turbulence does to a boundary distribution."""

from jaxcr.infer.skies.ensemble import AXIS, SkyEnsemble, simulated_spectra
from jaxcr.infer.skies.systematics import PathSystematic, path_systematic

__all__ = ["AXIS", "PathSystematic", "SkyEnsemble", "path_systematic", "simulated_spectra"]
