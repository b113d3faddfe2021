"""The one error that a person, not a programmer, is meant to read."""


class InputError(ValueError):
    """What was given, what was wanted, what to do, in one sentence.

    The command line prints it and exits with 1.
    """


class BrokenPromise(InputError, TypeError):
    """What a class of someone's returned, what it should have, and the name of the class."""
