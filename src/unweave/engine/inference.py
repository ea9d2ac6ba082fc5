"""How a separator is run, by the options of a request that change its stems: adapters around it.

    TrackNormalised(Bag(member, member))     what the registry gave
    TrackNormalised(Shifts(Overlap(Augmented(Bag(Precision(member), Precision(member))))))

Augmentation, overlap and shifts belong to what is cut into segments, the precision to each network.
What the chosen stems leave of the mix is taken outside of everything, from the recording itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from unweave.engine.adapters.complement import Complement
from unweave.engine.adapters.select import spared
from unweave.engine.compose import AnySeparator, each_innermost, each_leaf, innermost, leaves
from unweave.errors import UsageError
from unweave.request import Inference

if TYPE_CHECKING:
    from unweave.types import Spec


def run_with(
    separator: AnySeparator, inference: Inference, stems: Sequence[str] = ()
) -> AnySeparator:
    """The separator as a request wants it run.

    stems: those of its `outputs` that are needed, all where none are named: members that none of
    them needs are left out, and the complement is what they leave. Raises UsageError, one line, for
    an option that the separator does not take, and for a stem that it does not have.
    """
    made = spared(separator, stems) if stems else separator
    if inference.precision != "float32":
        made = _in_precision(made, inference.precision)
    if inference.tta != "none":
        made = _augmented(made, inference.tta)
    if inference.overlap is not None:
        from unweave.engine.adapters.overlap import Overlap

        fraction = inference.overlap
        made = each_leaf(made, lambda leaf: Overlap(leaf, fraction))  # type: ignore[arg-type]
    if inference.shifts:
        from unweave.engine.adapters.shifts import Shifts

        count, seed = inference.shifts, inference.shift_seed
        made = each_leaf(made, lambda leaf: Shifts(leaf, count, seed))
    if inference.complement is not None:
        of = tuple(stem for stem in made.spec.stems if stem in stems) if stems else ()
        made = Complement(made, inference.complement, of)
    return made


def check_complement(name: str, spec: Spec, taken: Sequence[str]) -> None:
    """Raise UsageError unless `name` may be that of what the stems `taken` leave of the mix."""
    if name in spec.outputs:
        raise UsageError(
            f"{spec.name} gives {', '.join(spec.outputs)}: choose another name for the complement "
            f"than {name!r}, or ask for that as one of the stems"
        )
    wrong = [stem for stem in taken if stem not in spec.stems]
    if wrong:
        raise UsageError(
            f"the {wrong[0]} is what all stems leave: with {name!r} as the complement name stems "
            f"of {', '.join(spec.stems)}"
        )
    if len(taken) == len(spec.stems) and len(spec.outputs) == len(spec.stems):
        raise UsageError(
            f"{spec.name}: its stems sum to the mix and leave nothing for {name!r}: name those to "
            "take, as in --stems vocals"
        )


def check_precision(precision: str, device: str) -> None:
    """Raise UsageError where a device has no arithmetic of that precision, or only a slow one."""
    import torch

    if precision == "float32":
        return
    there = precision == "float16"
    if device == "cpu":
        there = _on_cpu(precision)
    elif device.startswith("cuda"):
        there = there or torch.cuda.get_device_capability(device) >= (8, 0)
    if not there:
        what = "this processor" if device == "cpu" else f"{device} here"
        raise UsageError(
            f"{what} has no instructions for {precision}, which would be slower and no better: "
            "leave the precision at float32"
        )


def _on_cpu(precision: str) -> bool:
    """Whether matrices are multiplied in that precision by the processor itself."""
    import torch

    kernels = torch.ops.mkldnn
    if precision == "float16":
        return bool(kernels._is_mkldnn_fp16_supported())
    # On x86 the library emulates it with AVX-512; instructions of its own came later.
    if torch.backends.cpu.get_cpu_capability().startswith("AVX"):
        return any(
            getattr(torch.cpu, name, bool)()
            for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        )
    return bool(kernels._is_mkldnn_bf16_supported())


def _in_precision(separator: AnySeparator, precision: str) -> AnySeparator:
    from unweave.engine.adapters.precision import Precision

    if not any(part.spec.mixed_precision for part in innermost(separator)):
        raise UsageError(
            f"{separator.spec.name} computes in float32 alone: leave out the precision"
        )
    return each_innermost(
        separator,
        lambda part: Precision(part, precision) if part.spec.mixed_precision else part,  # type: ignore[arg-type]
    )


def _augmented(separator: AnySeparator, tta: str) -> AnySeparator:
    """Every member augmented, those of one channel without swapping any."""
    from unweave.engine.adapters.augmented import Augmented

    invert, swap = tta in ("invert", "both"), tta in ("swap", "both")
    if all(leaf.spec.channels == 1 for leaf in leaves(separator)) and not invert:
        raise UsageError(
            f"{separator.spec.name} takes one channel: there is none to swap; tta can be invert"
        )

    def augmented(leaf: AnySeparator) -> AnySeparator:
        swapped = swap and leaf.spec.channels != 1
        if not (swapped or invert):
            return leaf
        return Augmented(leaf, swapped, invert)  # type: ignore[arg-type]

    return each_leaf(separator, augmented)
