/*
 * The packet source: run by BPF_PROG_TEST_RUN with a large repeat, it hands another packet to the program under test
 * each time, by a tail call, and keeps the time itself.
 *
 * The frame given to the test run holds many packets, SLOT bytes each. For each packet the head of the frame moves to
 * the slot that the next step names, and four bytes of it are written anew (an address, a port), so that no processor
 * learns the sequence by heart. No step waits for bytes written a moment before but those four, and those are written
 * by one store of the width with which a program reads them.
 *
 * The clock is read once a round of all steps, so it costs nothing and its resolution is far under 0.1 ns a packet.
 */
#include "source.h"

enum { STEPS = 16384, ROUNDS = 4096, SLOT = 192 };

static long (*const bpf_xdp_adjust_head)(void *ctx, int delta) = (void *)44;

/* `move` bytes from the packet before; then `value`, bytes as on the wire, `at` bytes into the packet. */
struct step {
	s32 move;
	u32 at, value;
};

struct {
	MAP_INT(type, BPF_MAP_TYPE_ARRAY);
	MAP_INT(max_entries, STEPS);
	u32 *key;
	struct step *value;
} steps SEC(".maps");

/* `ns[i]` is what round i took; `next` and `rounds` are reset by who runs the source. */
struct clock {
	u32 next, rounds;
	u64 last;
	u64 ns[ROUNDS];
};

struct {
	MAP_INT(type, BPF_MAP_TYPE_ARRAY);
	MAP_INT(max_entries, 1);
	u32 *key;
	struct clock *value;
} clocks SEC(".maps");

SEC("xdp") int source(struct xdp_md *ctx)
{
	u32 zero = 0;
	struct clock *c = bpf_map_lookup_elem(&clocks, &zero);

	if (!c)
		return XDP_ABORTED;
	u32 i = c->next;

	c->next = (i + 1) % STEPS;
	if (!i) {
		u64 now = bpf_ktime_get_ns();

		if (c->last)
			c->ns[c->rounds++ % ROUNDS] = now - c->last;
		c->last = now;
	}
	struct step *s = bpf_map_lookup_elem(&steps, &i);

	if (!s || bpf_xdp_adjust_head(ctx, s->move))
		return XDP_ABORTED;
	u8 *p = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	u32 at = s->at;

	if (at > SLOT)
		return XDP_ABORTED;
	p += at;
	if (p + 4 > end)
		return XDP_ABORTED;
	*(u32 *)p = s->value;
	bpf_tail_call(ctx, &under_test, 0);
	return XDP_ABORTED;
}
