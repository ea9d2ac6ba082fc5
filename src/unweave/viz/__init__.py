"""Pictures, drawn by matplotlib, which need not be installed."""

from unweave.errors import UsageError


def need_matplotlib() -> None:
    """Raises UsageError where it is missing."""
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise UsageError("pictures need matplotlib; install it with: pip install 'unweave[plot]'")
