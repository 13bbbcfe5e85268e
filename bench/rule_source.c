/*
 * The packet source for many rules: run by BPF_PROG_TEST_RUN with a large repeat, it writes one of up to 65,536 five-tuples
 * after the other into one frame, each so many times in a row, and hands it to the program under test by a tail call.
 *
 * Each field is written by one store of the width with which a program reads it. The next packet is counted by an atomic
 * addition, which waits for all that is under way: no packet is begun before the one before it is judged.
 */
#include "source.h"

enum { FLOWS = 65536, ETH_HLEN = 14, FRAME = 74 };

/* Bytes as on the wire; of IPv4 the addresses are the first words. */
struct flow {
	u64 src[2], dst[2];
	u16 sport, dport;
	u32 proto;
};

struct flows {
	struct flow at[FLOWS];
};

struct {
	MAP_INT(type, BPF_MAP_TYPE_ARRAY);
	MAP_INT(max_entries, 1);
	u32 *key;
	struct flows *value;
} flows SEC(".maps");

/* Flow `next >> in_a_row & last_flow` is sent; the clock is read each `1 << batch` packets. */
struct plan {
	u64 next, clock;
	u32 is_ipv6, last_flow, in_a_row, batch, last_batch, unused;
};

struct {
	MAP_INT(type, BPF_MAP_TYPE_ARRAY);
	MAP_INT(max_entries, 1);
	u32 *key;
	struct plan *value;
} plans SEC(".maps");

/* Of each batch the shortest time of all that came to its place, ns; 0: none. */
struct times {
	u64 at[FLOWS];
};

struct {
	MAP_INT(type, BPF_MAP_TYPE_ARRAY);
	MAP_INT(max_entries, 1);
	u32 *key;
	struct times *value;
} times SEC(".maps");

static __attribute__((noinline)) void read_clock(struct plan *plan, u64 batch)
{
	u64 now = bpf_ktime_get_ns(), took = now - plan->clock;
	u32 zero = 0;
	struct times *t = bpf_map_lookup_elem(&times, &zero);

	if (t && batch) {
		u64 *best = &t->at[(batch - 1) & plan->last_batch & (FLOWS - 1)];

		if (!*best || took < *best)
			*best = took;
	}
	plan->clock = bpf_ktime_get_ns();
}

SEC("xdp") int source(struct xdp_md *ctx)
{
	u8 *p = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	u32 zero = 0;
	struct plan *plan = bpf_map_lookup_elem(&plans, &zero);
	struct flows *all = bpf_map_lookup_elem(&flows, &zero);

	if (!plan || !all || p + FRAME > end)
		return XDP_ABORTED;
	u64 next = __sync_fetch_and_add(&plan->next, 1);
	struct flow *flow = &all->at[(next >> (plan->in_a_row & 31)) & plan->last_flow & (FLOWS - 1)];

	if (!(next & ((1ull << (plan->batch & 31)) - 1)))
		read_clock(plan, next >> (plan->batch & 31));
	p += ETH_HLEN;
	if (plan->is_ipv6) {
		p[6] = flow->proto;
		*(u64 *)(p + 8) = flow->src[0];
		*(u64 *)(p + 16) = flow->src[1];
		*(u64 *)(p + 24) = flow->dst[0];
		*(u64 *)(p + 32) = flow->dst[1];
		p += 40;
	} else {
		p[9] = flow->proto;
		*(u32 *)(p + 12) = flow->src[0];
		*(u32 *)(p + 16) = flow->dst[0];
		p += 20;
	}
	*(u16 *)p = flow->sport;
	*(u16 *)(p + 2) = flow->dport;
	bpf_tail_call(ctx, &under_test, 0);
	return XDP_ABORTED;
}
