"""Changes on a host around a moment: its series, ranked by how much they differ from before."""
