"""Facts about a checked policy: they add warnings, and change nothing. A `Resolved` goes in, diagnostics come out."""
