"""Records of one user beside the account: preferences, second factors, other identities."""
