"""Settings: one TOML file, `STREAMPROC_…` variables over it, secrets only from variables or files.

Each setting is declared once, with its unit in its name and one sentence. Relations between settings are checked
when they are read, and the message names both. `settings` has the whole, the other modules its groups.
"""
