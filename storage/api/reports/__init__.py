"""What reports over events are made of: conditions, measures and saved definitions."""
