"""The remote-write receiver, versions 1.0 and 2.0."""
