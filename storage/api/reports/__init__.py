"""The parts of reports over events: conditions, measures and saved definitions."""
