#!/bin/sh
# Opens the studio in the browser. Closing this window ends it.
exec "$(dirname "$0")/python/bin/python3" -P -m unweave studio
