"""How good is a separation: BSS Eval v4 and v3, scale-invariant SDR, global SDR, SNR.

Plain functions on arrays `(stem, channel, time)`, references first; what each score means is in
`docs/metrics.md`. This package imports no separator and reads no file.
"""

from unweave.evaluation.metrics.bss_eval import (
    Frames,
    Images,
    Sources,
    bss_eval_v3_images,
    bss_eval_v3_sources,
    bss_eval_v4,
)
from unweave.evaluation.metrics.decompose import ReferenceCache
from unweave.evaluation.metrics.simple import SiScores, global_sdr, si_sdr, snr

__all__ = [
    "Frames",
    "Images",
    "ReferenceCache",
    "SiScores",
    "Sources",
    "bss_eval_v3_images",
    "bss_eval_v3_sources",
    "bss_eval_v4",
    "global_sdr",
    "si_sdr",
    "snr",
]
