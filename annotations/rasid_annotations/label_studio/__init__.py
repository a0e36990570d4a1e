"""Label Studio, in both directions: its labelling interface, its regions and relations, its server."""
