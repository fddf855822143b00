"""The closed family of Daybreak's errors. Anything a user can cause or cure is raised as one of these.

Not here: how they are shown (cli.py). Each class has an exit code; 6 says that trying again can help.
"""


class DaybreakError(Exception):
    """Base of the family: a message a person understands, and where possible a remedy.

    Args:
        message: what is wrong, with file, row, column and value where they exist.
        remedy: what to do about it.

    >>> print(ConfigurationError("business.yaml:3: unknown key 'curency'", remedy="did you mean 'currency'?"))
    business.yaml:3: unknown key 'curency'
    Remedy: did you mean 'currency'?
    """

    exit_code = 1

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        self.message = message
        self.remedy = remedy
        super().__init__(message if remedy is None else f"{message}\nRemedy: {remedy}")


class ConfigurationError(DaybreakError):
    """The business folder or the environment is wrong: nothing has been run."""

    exit_code = 2


class SourceError(DaybreakError):
    """A source file cannot be read, or too many of its rows were rejected."""

    exit_code = 3


class ContractError(DaybreakError):
    """Data broke a promise between two stages: a failed check, a missing column, counts that do not add up."""

    exit_code = 4


class PermanentError(DaybreakError):
    """The environment refuses: trying again without a change will fail again."""

    exit_code = 5


class TransientError(DaybreakError):
    """Another try may succeed: a lost connection, another night still running."""

    exit_code = 6


class UnreachableError(TransientError):
    """A store or a database that a source is read from does not answer."""


class NightRunningError(TransientError):
    """Another night holds the lease."""


class LeaseLostError(PermanentError):
    """A newer night has taken the lease: this one must not write any more."""
