"""One file per destination. A module here with a `SPEC` is a sink; nothing else has to be told about it."""
