"""Objects on other kernels: `python -m ebpfc.testing.kernels` boots each under qemu and asks it what it makes of them.

`policies` is what is compiled, `subjects` makes objects of it, with the reference's answers; `debian` fetches kernels;
`initramfs` (with `archive`) packs Python, the runtime and the objects; `guest` is what runs there; `boot` starts it;
`report` compares and prints.
"""
