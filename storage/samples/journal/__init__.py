"""The journal: vectors on disk until their chunk is, and their replay at start."""
