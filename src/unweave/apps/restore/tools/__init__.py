"""The tools of restoration: each a module with a generator from blocks of sound to blocks of sound.

Blocks are `(channel, time)` float32 of any length: how a recording is cut changes no byte. What
comes out has exactly as many samples, and nothing is late. Memory does not grow with the recording.
Where a tool finds nothing to do, samples keep their bits. What it found is in a record, which is
filled while the sound goes by. `learn`, where a module has it, reads the recording once before.
"""
