"""The shared table of faults: what a server can do to a call, in each API's own bytes, and what must come of it."""
