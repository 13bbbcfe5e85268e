"""`python -m ebpfc`: the same as the command `ebpfc`."""

import sys

from ebpfc.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
