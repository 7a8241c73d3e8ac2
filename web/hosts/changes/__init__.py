"""What changed on a host around a moment: its series, ranked by how unlike themselves they were."""
