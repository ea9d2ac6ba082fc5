"""Native Instruments stem files, `.stem.mp4` and `.stem.m4a`: a song and its four stems in an MP4.

The file has five stereo streams of AAC or ALAC, the mixture first. Only the mixture is enabled, so
that any player plays the song. The box `moov/udta/stem` has the names, the colours and the settings
of the player's compressor and limiter, as JSON (Native Instruments, Stem File Specification 1.0).

`slots` chooses the four stems, `metadata` is that JSON, `boxes` takes an MP4 apart and puts it
together again, `writer` and `reader` are the file, `check` says what is wrong with one.
"""
