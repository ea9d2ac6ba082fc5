"""Catalogues of many recordings, separated by many processes on one machine or on many, with Ray.

A row of a catalogue is one recording, and what is done with it is one `SeparationRequest`, by the
code that separates it on the command line. `catalogue` says what lies where, `scan` finds
recordings, `run` has them separated, `work` does one, `pool` hands them to Ray's actors, `log`
keeps what became of them.
"""
