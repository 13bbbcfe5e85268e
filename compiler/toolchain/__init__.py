"""The impure part: C text in, the object that is shipped out. `build.py` is the way through; the rest are its steps."""
