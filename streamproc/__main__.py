"""`python -m streamproc` is the command `streamproc`."""

from streamproc.cli.main import main

main()
