"""The store of coding agents' sessions, as the rest of Redshank sees it."""
