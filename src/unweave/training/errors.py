"""What a training stops for."""

from unweave.core.errors import UnweaveError


class TrainingError(UnweaveError):
    """A training that cannot go on: the loss is not a number, the disk is full, data ran out."""
