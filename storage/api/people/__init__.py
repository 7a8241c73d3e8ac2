"""What belongs to one user beside the account: preferences, and identities at other servers."""
