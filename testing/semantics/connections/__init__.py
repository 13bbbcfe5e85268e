"""Connection tracking, ADR 0004: which packets belong together, and what is known of each connection.

`layers` says which packets of a frame are tracked, `judge` what the state of one is and what it changes, `table` keeps
connections and fragments. Nothing is changed before the verdict: `judge` answers with the entry as it would then be.
"""
