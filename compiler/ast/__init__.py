"""The abstract syntax tree: `nodes` (the records), `build` (parse tree → records), `printer` (records → text)."""
