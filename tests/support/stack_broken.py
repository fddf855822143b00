"""A code location that does not load, for the tests of the stack."""

raise RuntimeError("this business folder is broken")
