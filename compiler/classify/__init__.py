"""Rules over numbers become a forest of bit-cut trees: `entries` (what goes in), `forest` (what comes out)."""
