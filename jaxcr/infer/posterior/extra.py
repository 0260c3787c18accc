"""The packages of the extra ``bayes``, imported when they are needed."""

import importlib
import warnings
from types import ModuleType


def bayes_package(name: str) -> ModuleType:
    """Return blackjax, arviz or corner.

    Raises
    ------
    ImportError
        When it is missing, with the line that installs it.

    Notes
    -----
    arviz announces its next version by a warning whenever it is imported, and corner imports
    arviz; that warning is left out.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return importlib.import_module(name)
        except ImportError as error:
            raise ImportError(
                f"{name} is not installed. It comes with: pip install 'jaxcr[bayes]'"
            ) from error
