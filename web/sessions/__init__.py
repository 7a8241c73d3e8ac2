"""Sessions of coding agents: pages, prodlens's API, traces, prices and outcomes."""
