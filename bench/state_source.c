/*
 * The packet source for programs that remember: run by BPF_PROG_TEST_RUN with a large repeat, it makes one frame another
 * flow's each time (an address, and a port where the plan says so) and hands it to the program under test by a tail call.
 *
 * Flows are numbers from 0 on, each with an address of its own. They come in order, each once, or at random, so that
 * neither cache nor branch predictor knows which is next. The clock is read once in BATCH packets.
 */
#include "source.h"

enum { BATCH = 16384, BATCHES = 4096, FRAME = 192, FIRST_PORT = 1024, PORTS = 0x7fff, ADDRESSES = 0xffffff };

/* `network`: the upper 8 bits of the addresses, in host order; `port_at` 0: no port is written. */
struct plan {
	u32 next, flows, network, address_at, port_at, random;
	u32 packets, batches; /* since the plan was made */
	u64 first, last; /* when the first batch began, and the last */
	u64 ns[BATCHES]; /* ns[i]: what batch i took */
};

struct {
	MAP_INT(type, BPF_MAP_TYPE_ARRAY);
	MAP_INT(max_entries, 1);
	u32 *key;
	struct plan *value;
} plans SEC(".maps");

/* Every number once, in an order that looks random. */
static inline u32 mixed(u32 n)
{
	n = (n ^ n >> 16) * 0x7feb352d;
	n = (n ^ n >> 15) * 0x846ca68b;
	return n ^ n >> 16;
}

SEC("xdp") int source(struct xdp_md *ctx)
{
	u32 zero = 0;
	struct plan *plan = bpf_map_lookup_elem(&plans, &zero);

	if (!plan)
		return XDP_ABORTED;
	u32 flow = plan->next++;

	if (plan->random)
		flow = (u64)mixed(flow) * plan->flows >> 32;
	else if (plan->next >= plan->flows)
		plan->next = 0;
	if (!(plan->packets++ % BATCH)) {
		u64 now = bpf_ktime_get_ns();

		if (plan->last)
			plan->ns[plan->batches++ % BATCHES] = now - plan->last;
		else
			plan->first = now;
		plan->last = now;
	}
	u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end, *p;
	u32 at = plan->address_at;

	if (at > FRAME)
		return XDP_ABORTED;
	p = data + at;
	if (p + 4 > end)
		return XDP_ABORTED;
	*(u32 *)p = __builtin_bswap32(plan->network | (flow * 0x9e3779b1 & ADDRESSES));
	at = plan->port_at;
	if (at) {
		if (at > FRAME)
			return XDP_ABORTED;
		p = data + at;
		if (p + 2 > end)
			return XDP_ABORTED;
		*(u16 *)p = __builtin_bswap16(FIRST_PORT + (flow & PORTS));
	}
	bpf_tail_call(ctx, &under_test, 0);
	return XDP_ABORTED;
}
