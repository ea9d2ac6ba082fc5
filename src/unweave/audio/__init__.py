"""Sound files in and out: decode once, encode once, block by block.

`reader` decodes any file into blocks, `resampler` changes the rate of a stream, `writer` encodes
blocks into a file that appears under its name only when it is complete, `tags` says what a stem's
tags are, `broadcast` where it lies on a timeline, `stem_file` has a song and four stems in one
file. Waves are `(channel, time)` float32, full scale 1.0.
"""
