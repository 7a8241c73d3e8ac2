"""The journal: appended vectors on disk before they are in a chunk."""
