"""How the recordings of a use are separated: by any model, with the options of `separate_file`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unweave import registry
from unweave.request import Output, SeparationRequest, run_options

if TYPE_CHECKING:
    from unweave.engine.compose import AnySeparator

FLOAT = {"format": "wav", "bit_depth": 32}
"""Options of stems that are not for the user: nothing is lost in them."""


@dataclass(frozen=True, kw_only=True)
class Separation:
    """A model and its options, to 32-bit float WAV. request: None where the model is in memory."""

    model: str | AnySeparator
    options: Mapping[str, Any]
    request: SeparationRequest | None

    @property
    def name(self) -> str:
        return self.model if isinstance(self.model, str) else self.model.spec.name

    @property
    def stems(self) -> tuple[str, ...]:
        """Those that are asked for, without the residual."""
        if self.request is not None:
            return self.request.stems
        assert not isinstance(self.model, str)
        return self.model.spec.stems

    @property
    def identity(self) -> str | None:
        """One hash of all that decides the stems; None where no hash can tell."""
        return None if self.request is None else self.request.identity()


def separation(
    model: str | AnySeparator, options: Mapping[str, Any], stems: tuple[str, ...] = ()
) -> Separation:
    """How a model separates. options: as of `separate_file`; those of the files of a use are not
    its stems'. stems: all where none are named. Raises UsageError."""
    output, inference, execution, own = run_options(options)
    request = None
    if isinstance(model, str):
        seed = own.pop("seed", 0)
        request = registry.request(
            model,
            own,
            stems=stems,
            seed=seed,
            output=Output(start=output.start, end=output.end),
            inference=inference,
            execution=execution,
        )
    return Separation(model=model, options={**options, **FLOAT}, request=request)
