"""ebpfc: packet-filter rules compiled to eBPF. In: nothing. Out: the version; the rooms are the subpackages."""

__version__ = "0.1.0"
