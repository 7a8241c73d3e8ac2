"""The page of the design: every token and component that pages are made of."""
