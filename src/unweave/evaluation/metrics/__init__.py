"""How good is a separation: BSS Eval v4 and v3, scale-invariant SDR, global SDR, SNR, and MSST's.

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
from unweave.evaluation.metrics.msst import (
    Bleed,
    aura_mrstft,
    aura_stft,
    bleedless_fullness,
    l1_freq,
    log_wmse,
    msst_sdr,
)
from unweave.evaluation.metrics.simple import SiScores, global_sdr, si_sdr, snr

__all__ = [
    "Bleed",
    "Frames",
    "Images",
    "ReferenceCache",
    "SiScores",
    "Sources",
    "aura_mrstft",
    "aura_stft",
    "bleedless_fullness",
    "bss_eval_v3_images",
    "bss_eval_v3_sources",
    "bss_eval_v4",
    "global_sdr",
    "l1_freq",
    "log_wmse",
    "msst_sdr",
    "si_sdr",
    "snr",
]
