"""The words of the generated C: Jinja templates over ready-made views; `policy.c.j2` is the table of contents."""
