"""The command line: thin commands, each in its file. Heavy imports wait until a command runs."""
