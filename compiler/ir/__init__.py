"""The intermediate representation: `program` (records), `ranges`, `text` (print and parse), `verify`."""
