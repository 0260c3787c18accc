"""Part of the sky: windows, what they hide, the mixing of multipoles and its inversion."""

from jaxcr.sky.partial.analysis import GroundSpectrum, ObservedSky, observe
from jaxcr.sky.partial.binned_mixing import binned_condition
from jaxcr.sky.partial.bins import SpectrumBins, uniform_bins
from jaxcr.sky.partial.coupling import PseudoCoupling
from jaxcr.sky.partial.declination import remove_declination_mean, windowed_maps
from jaxcr.sky.partial.deconvolution import deconvolve_spectrum, forward_spectrum
from jaxcr.sky.partial.estimates import SpectrumEstimate, gaussian_error
from jaxcr.sky.partial.fiducial import fiducial_from
from jaxcr.sky.partial.mixing import mixing_matrix, pseudo_coupling
from jaxcr.sky.partial.pseudo import pseudo_spectrum
from jaxcr.sky.partial.wigner import wigner_mixing_matrix
from jaxcr.sky.partial.window import (
    SkyWindow,
    combined_window,
    declination_window,
    hawc_window,
    icecube_window,
    transit_exposure,
)

__all__ = [
    "GroundSpectrum",
    "ObservedSky",
    "PseudoCoupling",
    "SkyWindow",
    "SpectrumBins",
    "SpectrumEstimate",
    "binned_condition",
    "combined_window",
    "declination_window",
    "deconvolve_spectrum",
    "fiducial_from",
    "forward_spectrum",
    "gaussian_error",
    "hawc_window",
    "icecube_window",
    "mixing_matrix",
    "observe",
    "pseudo_coupling",
    "pseudo_spectrum",
    "remove_declination_mean",
    "transit_exposure",
    "uniform_bins",
    "wigner_mixing_matrix",
    "windowed_maps",
]
