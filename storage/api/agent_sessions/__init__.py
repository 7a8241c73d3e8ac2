"""What the rest of Redshank may ask of the store of coding agents' sessions."""
