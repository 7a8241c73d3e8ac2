"""Pages of projects: the list, the overview, the settings with members and keys."""
