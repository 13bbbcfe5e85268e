/*
 * The packet source for many rules: run by BPF_PROG_TEST_RUN with a large repeat, it writes the next of 65,536 five-tuples
 * into one frame and hands it to the program under test by a tail call.
 *
 * Each field is written by one store of the width with which a program reads it. The clock is read once a round of all.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define SEC(name) __attribute__((section(name), used))
#define MAP_INT(name, value) int (*name)[value]

enum { BPF_MAP_TYPE_ARRAY = 2, BPF_MAP_TYPE_PROG_ARRAY = 3, XDP_ABORTED = 0, XDP_PASS = 2 };
enum { FLOWS = 65536, ROUNDS = 256, ETH_HLEN = 14, FRAME = 74 };

static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static u64 (*const bpf_ktime_get_ns)(void) = (void *)5;
static long (*const bpf_tail_call)(void *ctx, void *programs, u32 index) = (void *)12;

struct xdp_md {
	u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex;
};

/* Bytes as on the wire; of IPv4 the addresses are the first words. */
struct flow {
	u64 src[2], dst[2];
	u16 sport, dport;
	u32 proto;
};

struct {
	MAP_INT(type, BPF_MAP_TYPE_ARRAY);
	MAP_INT(max_entries, FLOWS);
	u32 *key;
	struct flow *value;
} flows SEC(".maps");

/* `ns[i]`: what round i took, of `count` flows. */
struct plan {
	u32 next, count, is_ipv6, rounds;
	u64 last, ns[ROUNDS];
};

struct {
	MAP_INT(type, BPF_MAP_TYPE_ARRAY);
	MAP_INT(max_entries, 1);
	u32 *key;
	struct plan *value;
} plans SEC(".maps");

struct {
	MAP_INT(type, BPF_MAP_TYPE_PROG_ARRAY);
	MAP_INT(max_entries, 1);
	u32 *key;
	u32 *value;
} under_test SEC(".maps");

SEC("xdp") int source(struct xdp_md *ctx)
{
	u8 *p = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	u32 zero = 0;
	struct plan *plan = bpf_map_lookup_elem(&plans, &zero);

	if (!plan || p + FRAME > end)
		return XDP_ABORTED;
	u32 next = plan->next;
	struct flow *flow = bpf_map_lookup_elem(&flows, &next);

	if (!flow)
		return XDP_ABORTED;
	if (!next) {
		u64 now = bpf_ktime_get_ns();

		if (plan->last)
			plan->ns[plan->rounds++ % ROUNDS] = now - plan->last;
		plan->last = now;
	}
	plan->next = next + 1 < plan->count ? next + 1 : 0;
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

/* What the source costs by itself: a program that does nothing stands behind it. */
SEC("xdp") int empty(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}
