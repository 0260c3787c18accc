"""Numbers given by name on the command line: "eta=0.3"."""

from jaxcr.checks import check_one_of, check_range
from jaxcr.infer import ParameterSet


def named_values(
    flag: str, settings: tuple[str, ...], parameters: ParameterSet
) -> dict[str, float]:
    """Return the numbers under the names of parameters.

    Raises
    ------
    ValueError
        For a word that is not NAME=VALUE, an unknown name, or a number outside the bounds.
    """
    values = {}
    for setting in settings:
        name, _, text = setting.rpartition("=")
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        check_one_of(flag, name, parameters.names, remedy=f'For example {flag} "eta=0.3".')
        own = parameters.parameters[parameters.index(name)]
        check_range(
            f"{flag}: {name}", value, own.lower, own.upper,
            expected=f"a number from {own.lower:.4g} to {own.upper:.4g}",
            remedy="These are the bounds of the parameter.",
        )  # fmt: skip
        values[name] = value
    return values
