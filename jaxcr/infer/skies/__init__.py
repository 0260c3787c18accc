"""Ensembles of simulated skies: what turbulence does to a boundary distribution."""

from jaxcr.infer.skies.boundary_parameters import (
    BoundaryParameters,
    DipoleParameters,
    TrapParameters,
)
from jaxcr.infer.skies.conventions import (
    FixedPath,
    FixedSphere,
    PathConvention,
    PathOverMeanFreePath,
    PathOverReferencePath,
    sky_mean_free_path,
)
from jaxcr.infer.skies.direct import direct_spectrum
from jaxcr.infer.skies.ensemble import SkyEnsemble
from jaxcr.infer.skies.sky_parameters import SKY_PARAMETERS, SkyParameters
from jaxcr.infer.skies.spectra import simulated_spectra
from jaxcr.infer.skies.systematics import PathSystematic, path_systematic
from jaxcr.infer.skies.tensors import pack_pairs, pair_products, simulate_tensors, simulated_tensors
from jaxcr.infer.skies.turbulence import AXIS, realise_turbulence

__all__ = [
    "AXIS",
    "SKY_PARAMETERS",
    "BoundaryParameters",
    "DipoleParameters",
    "FixedPath",
    "FixedSphere",
    "PathConvention",
    "PathOverMeanFreePath",
    "PathOverReferencePath",
    "PathSystematic",
    "SkyEnsemble",
    "SkyParameters",
    "TrapParameters",
    "direct_spectrum",
    "pack_pairs",
    "pair_products",
    "path_systematic",
    "realise_turbulence",
    "simulate_tensors",
    "simulated_spectra",
    "simulated_tensors",
    "sky_mean_free_path",
]
