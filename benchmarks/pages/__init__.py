"""How fast pages are beside a large fleet, and what open pages cost: `./run bench pages`."""
