"""Loop 1: frame, give an id, append to the log, then acknowledge. One file per protocol; modules with `_` are no plugins."""
