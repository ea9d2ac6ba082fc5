"""What Ultimate Vocal Remover (UVR) says of the graphs that it publishes, by their MD5.

From `mdx_model_data/model_data_new.json` of TRvlvr/application_data, and `model-data.json` of
audio-separator 0.47.1: the transform's samples, the compensation, and the stem that a graph makes,
as UVR calls it. Of each file it is the MD5 of the last 10,240,000 bytes.
"""

from __future__ import annotations

KARAOKE = " of karaoke"  # behind a stem: the lead voice apart from all others
FACTS: dict[str, tuple[int, float, str]] = {
    "0ddfc0eb5792638ad5dc27850236c246": (6144, 1.035, "Vocals"),
    "26d308f91f3423a67dc69a6d12a8793d": (8192, 1.035, "Other"),
    "2cdd429caac38f0194b133884160f2c6": (7680, 1.045, "Instrumental"),
    "2f5501189a2f6db6349916fabe8c90de": (6144, 1.035, "Vocals of karaoke"),
    "398580b6d5d973af3120df54cee6759d": (7680, 1.75, "Vocals"),
    "488b3e6f8bd3717d9d7c428476be2d75": (7680, 1.035, "Instrumental"),
    "4910e7827f335048bdac11fa967772f9": (4096, 1.035, "Drums"),
    "53c4baf4d12c3e6c3831bb8f5b532b93": (7680, 1.043, "Vocals"),
    "5d343409ef0df48c7d78cce9f0106781": (7680, 1.075, "Vocals"),
    "5f6483271e1efb9bfb59e4a3e6d4d098": (6144, 1.035, "Vocals"),
    "65ab5919372a128e4167f5e01a8fda85": (8192, 1.035, "Other"),
    "6703e39f36f18aa7855ee1047765621d": (16384, 1.035, "Bass"),
    "6b31de20e84392859a3d09d43f089515": (6144, 1.035, "Vocals"),
    "867595e9de46f6ab699008295df62798": (7680, 1.03, "Vocals"),
    "a3cd63058945e777505c01d2507daf37": (6144, 1.03, "Vocals"),
    "b33d9b3950b6cbf5fe90a32608924700": (7680, 1.03, "Vocals"),
    "c3b29bdce8c4fa17ec609e16220330ab": (16384, 1.035, "Bass"),
    "ceed671467c1f64ebdfac8a2490d0d52": (7680, 1.035, "Instrumental"),
    "d2a1376f310e4f7fa37fb9b5774eb701": (7680, 1.035, "Instrumental"),
    "d7bff498db9324db933d913388cba6be": (6144, 1.035, "Vocals"),
    "d94058f8c7f1fae4164868ae8ae66b20": (6144, 1.035, "Vocals"),
    "dc41ede5961d50f277eb846db17f5319": (4096, 1.035, "Drums"),
    "e5572e58abf111f80d8241d2e44e7fa4": (7680, 1.028, "Instrumental"),
    "e7324c873b1f615c35c1967f912db92a": (7680, 1.03, "Vocals"),
    "1c56ec0224f1d559c42fd6fd2a67b154": (5120, 1.025, "Instrumental"),
    "f2df6d6863d8f435436d8b561594ff49": (7680, 1.035, "Instrumental"),
    "b06327a00d5e5fbc7d96e1781bbdb596": (6144, 1.035, "Instrumental"),
    "94ff780b977d3ca07c7a343dab2e25dd": (6144, 1.039, "Instrumental"),
    "73492b58195c3b52d34590d5474452f6": (7680, 1.043, "Vocals"),
    "970b3f9492014d18fefeedfe4773cb42": (7680, 1.009, "Vocals"),
    "1d64a6d2c30f709b8c9b4ce1366d96ee": (5120, 1.065, "Instrumental of karaoke"),
    "203f2a3955221b64df85a41af87cf8f0": (6144, 1.035, "Instrumental"),
    "291c2049608edb52648b96e27eb80e95": (6144, 1.035, "Instrumental"),
    "ead8d05dab12ec571d67549b3aab03fc": (6144, 1.035, "Instrumental"),
    "cc63408db3d80b4d85b0287d1d7c9632": (6144, 1.033, "Instrumental"),
    "cd5b2989ad863f116c855db1dfe24e39": (6144, 1.035, "Reverb"),
    "55657dd70583b0fedfba5f67df11d711": (6144, 1.022, "Instrumental"),
    "b6bccda408a436db8500083ef3491e8b": (7680, 1.02, "Instrumental"),
    "8a88db95c7fb5dbe6a095ff2ffb428b1": (5120, 1.026, "Instrumental"),
    "b78da4afc6512f98e4756f5977f5c6b9": (7680, 1.021, "Instrumental"),
    "77d07b2667ddf05b9e3175941b4454a0": (7680, 1.021, "Vocals"),
    "0f2a6bc5b49d87d64728ee40e23bceb1": (5120, 1.019, "Instrumental"),
    "cb790d0c913647ced70fc6b38f5bea1a": (5120, 1.01, "Instrumental"),
    "b02be2d198d4968a121030cf8950b492": (5120, 1.02, "No Crowd"),
}
