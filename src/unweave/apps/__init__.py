"""One file for each use: functions that Python and the command line call."""
