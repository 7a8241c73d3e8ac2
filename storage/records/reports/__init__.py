"""What members of a project save: reports and segments."""
