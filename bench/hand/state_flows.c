/*
 * Flows that were let in once are let through, the rest is dropped: a map that knows no TCP. What opens a flow is a SYN
 * to port 80; every packet renews its time. -DENTRIES: a flow counts its packets and bytes.
 */
#include "state.h"

#define TIMEOUT 432000000000000ull /* 5 days, in ns */

struct flow {
	struct address source, destination;
	u16 source_port, destination_port;
	u32 proto;
};

struct seen {
	u64 expires, packets, bytes;
};

struct {
	MAP_INT(type, MAP_TYPE);
	MAP_INT(max_entries, 262144);
	struct flow *key;
	struct seen *value;
} flows SEC(".maps");

SEC("xdp") int hand(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end, *ip;
	struct flow flow = { .proto = IPPROTO_TCP };
	u8 *tcp;

	if (!(ip = addresses(data, end, &flow.source, &flow.destination)) || !(tcp = tcp_behind(ctx, ip, end)))
		return decide(ctx, 2, XDP_DROP);
	flow.source_port = *(u16 *)tcp;
	flow.destination_port = *(u16 *)(tcp + 2);
	u64 now = bpf_ktime_get_coarse_ns();
	struct seen *seen = bpf_map_lookup_elem(&flows, &flow);

	if (seen && seen->expires > now) {
		seen->expires = now + TIMEOUT;
#ifdef ENTRIES
		__sync_fetch_and_add(&seen->packets, 1);
		__sync_fetch_and_add(&seen->bytes, end - data);
#endif
		return decide(ctx, 0, XDP_PASS);
	}
	if ((tcp[13] & (TCP_SYN | TCP_ACK)) == TCP_SYN && flow.destination_port == htons(80)) {
		struct seen fresh = { now + TIMEOUT, 1, end - data };

		bpf_map_update_elem(&flows, &flow, &fresh, BPF_ANY);
		return decide(ctx, 1, XDP_PASS);
	}
	return decide(ctx, 2, XDP_DROP);
}
