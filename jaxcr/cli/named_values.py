"""Numbers given by name on the command line: "eta=0.3"."""

from jaxcr.checks import argument_error
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
        if name not in parameters.names:
            raise argument_error(
                flag,
                expected='"NAME=VALUE" with one of ' + ", ".join(parameters.names),
                got=repr(setting),
                remedy=f'For example {flag} "eta=0.3".',
            )
        own = parameters.parameters[parameters.index(name)]
        if not own.lower <= value <= own.upper:
            raise argument_error(
                f"{flag}: {name}",
                expected=f"a number from {own.lower:.4g} to {own.upper:.4g}",
                got=text,
                remedy="These are the bounds of the parameter.",
            )
        values[name] = value
    return values
