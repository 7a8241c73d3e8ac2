"""The functions of range vectors: windows of samples, and one kernel for each function."""
