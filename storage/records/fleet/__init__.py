"""What users keep about the fleet of hosts, in SQLite."""
