"""What Ultimate Vocal Remover (UVR) says of the VR checkpoints that it publishes, by their MD5.

From `vr_model_data/model_data_new.json` of TRvlvr/application_data, `model-data.json` and the band
files (`modelparams`) of audio-separator 0.47.1. Of each checkpoint it is the MD5 of the last
10,240,000 bytes; the band file, the stem that the mask is for, as UVR calls it, and the widths of
version 5.1 (`nout`, `nout_lstm`), none of version 5.
"""

from __future__ import annotations

KARAOKE = " of karaoke"  # behind a stem: the lead voice apart from all others
FACTS: dict[str, tuple[str, str, int, int]] = {
    "0d0e6d143046b0eecc41a22e60224582": ("3band_44100_mid", "Instrumental", 0, 0),
    "18b52f873021a0af556fb4ecd552bb8e": ("2band_32000", "Instrumental", 0, 0),
    "1fc66027c82b499c7d8f55f79e64cadc": ("2band_32000", "Instrumental", 0, 0),
    "2aa34fbc01f8e6d2bf509726481e7142": ("4band_44100", "No Piano", 0, 0),
    "3e18f639b11abea7361db1a4a91c2559": ("4band_44100", "Instrumental", 0, 0),
    "570b5f50054609a17741369a35007ddd": ("4band_v3", "Instrumental", 0, 0),
    "5a6e24c1b530f2dab045a522ef89b751": ("1band_sr44100_hl512", "Instrumental", 0, 0),
    "6b5916069a49be3fe29d4397ecfd73fa": ("3band_44100_msb2", "Instrumental of karaoke", 0, 0),
    "74b3bc5fa2b69f29baf7839b858bc679": ("4band_44100", "Instrumental", 0, 0),
    "827213b316df36b52a1f3d04fec89369": ("4band_44100", "Instrumental", 0, 0),
    "911d4048eee7223eca4ee0efb7d29256": ("4band_44100", "Vocals", 0, 0),
    "941f3f7f0b0341f12087aacdfef644b1": ("4band_v2", "Instrumental", 0, 0),
    "a02827cf69d75781a35c0e8a327f3195": ("1band_sr33075_hl384", "Instrumental", 0, 0),
    "b165fbff113c959dba5303b74c6484bc": ("3band_44100", "Instrumental", 0, 0),
    "b5f988cd3e891dca7253bf5f0f3427c7": ("4band_44100", "Instrumental", 0, 0),
    "b99c35723bc35cb11ed14a4780006a80": ("1band_sr44100_hl1024", "Instrumental", 0, 0),
    "ba02fd25b71d620eebbdb49e18e4c336": ("3band_44100_mid", "Instrumental", 0, 0),
    "c4476ef424d8cba65f38d8d04e8514e2": ("3band_44100_msb2", "Instrumental", 0, 0),
    "da2d37b8be2972e550a409bae08335aa": ("4band_44100", "Vocals", 0, 0),
    "db57205d3133e39df8e050b435a78c80": ("4band_44100", "Instrumental", 0, 0),
    "ea83b08e32ec2303456fe50659035f69": ("4band_v3", "Instrumental", 0, 0),
    "f6ea8473ff86017b5ebd586ccacf156b": ("4band_v2_sn", "Instrumental of karaoke", 0, 0),
    "fd297a61eafc9d829033f8b987c39a3d": ("1band_sr32000_hl512", "Instrumental", 0, 0),
    "0ec76fd9e65f81d8b4fbd13af4826ed8": ("4band_v3", "No Woodwinds", 0, 0),
    "0fb9249ffe4ffc38d7b16243f394c0ff": ("4band_v3", "No Reverb", 0, 0),
    "6857b2972e1754913aad0c9a1678c753": ("4band_v3", "No Echo", 48, 128),
    "f200a145434efc7dcf0cd093f517ed52": ("4band_v3", "No Echo", 48, 128),
    "44c55d8b5d2e3edea98c2b2bf93071c7": ("4band_v3", "Noise", 48, 128),
    "51ea8c43a6928ed3c10ef5cb2707d57b": ("1band_sr44100_hl1024", "Noise", 16, 128),
    "944950a9c5963a5eb70b445d67b7068a": ("4band_v3_sn", "Vocals", 64, 128),
    "97dc361a7a88b2c4542f68364b32c7f6": ("4band_v4_ms_fullband", "Dry", 32, 128),
    "581f4461b8d8c7e43af546eebd3b6a2a": ("4band_v4_ms_fullband", "Vocals", 64, 128),
}
# By their names: bins, the bins between which the highest ones are turned down, and every band:
# rate, hop, samples of a frame, first bin and the one past the last, the bins that it fades in and
# out between, and what its two channels are. UVR heeds a band's `convert_channels` in version 5.1
# alone, and `4band_v2_sn` is of version 5.
Row = tuple[int, int, int, int, int, tuple[int, ...], tuple[int, ...], str]
BANDS: dict[str, tuple[int, tuple[int, ...], tuple[Row, ...]]] = {
    "1band_sr32000_hl512": (
        1024,
        (1000, 1021),
        ((32000, 512, 2048, 0, 1024, (), (), "stereo"),),
    ),
    "1band_sr33075_hl384": (
        1024,
        (1000, 1021),
        ((33075, 384, 2048, 0, 1024, (), (), "stereo"),),
    ),
    "1band_sr44100_hl1024": (
        1024,
        (1023, 1024),
        ((44100, 1024, 2048, 0, 1024, (), (), "stereo"),),
    ),
    "1band_sr44100_hl512": (
        1024,
        (1023, 1024),
        ((44100, 512, 2048, 0, 1024, (), (), "stereo"),),
    ),
    "2band_32000": (
        768,
        (710, 731),
        (
            (6000, 66, 512, 0, 240, (), (60, 118), "stereo"),
            (32000, 352, 1024, 22, 505, (44, 23), (), "stereo"),
        ),
    ),
    "3band_44100": (
        768,
        (757, 768),
        (
            (11025, 128, 768, 0, 278, (), (28, 140), "stereo"),
            (22050, 256, 768, 14, 322, (70, 14), (283, 314), "stereo"),
            (44100, 512, 768, 131, 313, (154, 141), (), "stereo"),
        ),
    ),
    "3band_44100_mid": (
        768,
        (757, 768),
        (
            (11025, 128, 768, 0, 278, (), (28, 140), "mid_side"),
            (22050, 256, 768, 14, 322, (70, 14), (283, 314), "mid_side"),
            (44100, 512, 768, 131, 313, (154, 141), (), "mid_side"),
        ),
    ),
    "3band_44100_msb2": (
        640,
        (639, 640),
        (
            (11025, 108, 1024, 0, 187, (), (92, 186), "mid_side_b2"),
            (22050, 216, 768, 0, 212, (68, 34), (174, 209), "mid_side_b2"),
            (44100, 432, 640, 66, 307, (86, 72), (), "mid_side_b2"),
        ),
    ),
    "4band_44100": (
        768,
        (740, 768),
        (
            (11025, 128, 1024, 0, 186, (), (37, 73), "stereo"),
            (11025, 128, 512, 4, 185, (36, 18), (93, 185), "stereo"),
            (22050, 256, 512, 46, 186, (93, 46), (164, 186), "stereo"),
            (44100, 512, 768, 121, 382, (138, 123), (), "stereo"),
        ),
    ),
    "4band_v2": (
        672,
        (668, 672),
        (
            (7350, 80, 640, 0, 85, (), (25, 53), "stereo"),
            (7350, 80, 320, 4, 87, (25, 12), (31, 62), "stereo"),
            (14700, 160, 512, 17, 216, (48, 24), (139, 210), "stereo"),
            (44100, 480, 960, 78, 383, (130, 86), (), "stereo"),
        ),
    ),
    "4band_v2_sn": (
        672,
        (668, 672),
        (
            (7350, 80, 640, 0, 85, (), (25, 53), "stereo"),
            (7350, 80, 320, 4, 87, (25, 12), (31, 62), "stereo"),
            (14700, 160, 512, 17, 216, (48, 24), (139, 210), "stereo"),
            (44100, 480, 960, 78, 383, (130, 86), (), "stereo"),
        ),
    ),
    "4band_v3": (
        672,
        (668, 672),
        (
            (7350, 80, 640, 0, 85, (), (25, 53), "stereo"),
            (7350, 80, 320, 4, 87, (25, 12), (31, 62), "stereo"),
            (14700, 160, 512, 17, 216, (48, 24), (139, 210), "stereo"),
            (44100, 480, 960, 78, 383, (130, 86), (), "stereo"),
        ),
    ),
    "4band_v3_sn": (
        672,
        (668, 672),
        (
            (7350, 80, 640, 0, 85, (), (25, 53), "stereo"),
            (7350, 80, 320, 4, 87, (25, 12), (31, 62), "stereo"),
            (14700, 160, 512, 17, 216, (48, 24), (139, 210), "stereo"),
            (44100, 480, 960, 78, 383, (130, 86), (), "stereo_n"),
        ),
    ),
    "4band_v4_ms_fullband": (
        896,
        (),
        (
            (7350, 96, 768, 0, 102, (), (30, 62), "mid_side"),
            (7350, 96, 384, 5, 104, (30, 14), (37, 73), "mid_side"),
            (14700, 192, 640, 20, 259, (58, 29), (191, 262), "mid_side"),
            (44100, 576, 1152, 119, 575, (157, 110), (), "mid_side"),
        ),
    ),
}
